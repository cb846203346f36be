"""Token soup: windows in which no word follows from the one before, as gradient-guided poison has.

HotFlip (Ebrahimi et al. 2018; Zhong et al. 2023, "Poisoning Retrieval Corpora") puts tokens
together for the encoder and not for a reader. A small network reads what each window of 16 tokens
is like (`windows`, over the word pairs of `language`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np

from ...core.verdict import Decision
from .language import Codes, Floats, shipped
from .other_languages import is_other_language
from .signal import NOTHING, Reading, SignalInput
from .windows import span_of, window_features

NETWORK = Path(__file__).with_name("gibberish.npz")
_TEXT_CHARS = 60_000
"""Poison is short; beyond this a document is not looked at for gibberish."""

TOLD_LOGIT, NEW_LOGIT, HOLD_LOGIT = 3.0, 4.0, 5.0
"""From where it is for information, held of a source in probation, and held of any. Of texts of a
kind that was not taught up to a twentieth lie between the first and the last (docs/signals.md)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowNetwork:
    """One hidden layer over window features: (16, h), (h,), (h,), and a number."""

    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: float

    def logits(self, features: Floats) -> Floats:
        """Return the log odds of soup for each window (n,)."""
        hidden = np.maximum(features @ self.first + self.first_bias, 0.0)
        return np.asarray(hidden @ self.second + self.second_bias)

    def save(self, path: Path) -> None:
        """Write the shipped file."""
        np.savez_compressed(
            path,
            first=self.first.astype(np.float32),
            first_bias=self.first_bias.astype(np.float32),
            second=self.second.astype(np.float32),
            second_bias=np.float32(self.second_bias),
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the shipped file."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(
                first=arrays["first"].astype(np.float64),
                first_bias=arrays["first_bias"].astype(np.float64),
                second=arrays["second"].astype(np.float64),
                second_bias=float(arrays["second_bias"]),
            )


@cache
def shipped_network() -> WindowNetwork:
    """Return the network that is shipped."""
    return WindowNetwork.load(NETWORK)


class Gibberish:
    """A window of token soup, before, after or without fluent text."""

    name = "gibberish"
    version = "4"
    # Logits with whole sources and families of soup left out (benchmarks.signal_models.gibberish
    # --check): from 5 on .98 to 1 of soups of 20 tokens and all gradient-guided ones, 0 to .2 % of
    # unseen prose, 1.6 % of medical abstracts, a quarter of code where none was taught.
    threshold = 0.5
    decision = Decision.ALLOW

    def __init__(self, more: Callable[[Codes], Floats] | None = None) -> None:
        self._more = more

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the strangest window: .5 from where it is told, .75 from where it is held."""
        return [self._reading(each.text[:_TEXT_CHARS], each.probation) for each in batch]

    def _reading(self, text: str, probation: bool) -> Reading:
        model = shipped()
        codes, words, spans = model.tokens(text)
        association = model.association(codes, self._more)
        features, bounds = window_features(model, codes, words, association)
        if not bounds or is_other_language(words):
            return NOTHING
        logits = shipped_network().logits(features)
        least = NEW_LOGIT if probation else HOLD_LOGIT
        ranked = [(float(logits[at]), span_of(spans, bounds[at])) for at in np.argsort(-logits)]
        held = [
            (logit, span)
            for logit, span in ranked
            if logit >= least and (probation or not _is_laid_out(text, span))
        ]
        logit, span = (held or ranked)[0]
        return Reading(
            score=_score(logit),
            why="a part of it is strung-together tokens, not running text",
            span=span,
            decision=Decision.QUARANTINE if held else None,
        )


def _score(logit: float) -> float:
    return min(1.0, max(0.0, 0.5 + (logit - TOLD_LOGIT) * 0.25 / (HOLD_LOGIT - TOLD_LOGIT)))


def _is_laid_out(text: str, span: tuple[int, int]) -> bool:
    """Tell whether lines or cells end in a part: tables, menus and records do not run on either."""
    return any(mark in text[slice(*span)] for mark in "\n|")
