"""Talk about answering, by the vector and the words of a passage together.

An embedding tells an erratum, an order or a refusal from a report whatever its words are, and the
words tell what the embedding blurs: the sum of both log odds finds three times what the words alone
find of wordings that neither was taught (docs/signals.md). The weights belong to one embedding
model; of vectors by another this signal says nothing, and `AnswerSteering` remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix
from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput
from .steering import MODEL, shipped_steering
from .surroundings import PIECES

NEW_LOGIT, FLAG_LOGIT, HOLD_LOGIT = 1.0, 6.0, 7.0
"""Of a source in probation held from the first on: .5 to 4 % of a clean file left out. Of others
flagged (.4 % at most) and held (.3 %). Figures: docs/signals.md."""
_LEAST_STANCE = -1.5
"""Below this no words are read: what is told by words alone is `AnswerSteering`'s."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StanceModel:
    """Weights (d,) over unit vectors of the embedding model ``model``, and a bias."""

    weights: NDArray[np.float32]
    bias: float
    model: str

    def logits(self, vectors: Matrix) -> NDArray[np.float64]:
        """Return the log odds of each row (n,)."""
        return np.asarray(vectors @ self.weights + self.bias, dtype=np.float64)


class AnswerStance:
    """A passage that both by its vector and by its words talks about answering."""

    name = "answer_stance"
    version = "1"
    threshold = 0.5
    decision = Decision.FLAG

    def __init__(self, model: str = "") -> None:
        self._applies = model == shipped_stance().model

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the likeliest of the first six passages: .5 from where it is reported."""
        return [self._reading(each) for each in batch]

    def _reading(self, each: SignalInput) -> Reading:
        if not self._applies or each.vectors is None or not len(each.vectors):
            return NOTHING
        stances = shipped_stance().logits(np.asarray(each.vectors[:PIECES]))
        sums = [
            stance + found[0]
            for piece, stance in zip(each.pieces, stances, strict=False)
            if stance >= _LEAST_STANCE and (found := shipped_steering().best(piece))
        ]
        logit = float(max(sums, default=-np.inf))
        least = NEW_LOGIT if each.probation else FLAG_LOGIT
        if logit < least:
            return NOTHING
        return Reading(
            score=min(1.0, 0.5 + (logit - least) * 0.05),
            why="it reads as a notice about what to answer, not as a text on its subject",
            decision=Decision.QUARANTINE if each.probation or logit >= HOLD_LOGIT else None,
        )


@cache
def shipped_stance() -> StanceModel:
    """Return the model that is shipped."""
    with np.load(MODEL, allow_pickle=False) as arrays:
        return StanceModel(
            weights=arrays["stance"].astype(np.float32),
            bias=float(arrays["stance_bias"]),
            model=str(arrays["stance_model"]),
        )
