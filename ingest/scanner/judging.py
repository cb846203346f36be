"""Judging: every layer reads a text, and each place gets one probability."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ...core.settings import ScanSettings
from ...core.verdict import Severity
from . import carriers
from .evidence import Hit, hit_scores, shipped_weights, windows
from .external import ExternalModel, load_external
from .learned import LearnedLayer
from .model_files import SHIPPED
from .reading import read
from .rules import load_packs
from .signatures import Signatures, shipped_signatures

LAYERS = ("signatures", "classifier", "external")
"""Layers that a setting may require, as `ran` names them before the ``@``."""
_EXTERNAL = "external"
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Hits by position with a probability in [0, 1] each, and what a text without any scores.

    ``timings_ms`` maps layers to wall times in milliseconds.
    """

    hits: tuple[Hit, ...]
    scores: tuple[float, ...]
    nothing: float
    timings_ms: Mapping[str, float]

    @property
    def score(self) -> float:
        """The probability of the worst place."""
        return max(self.scores, default=self.nothing)


class Judge:
    """All layers that the settings name. Raises `SettingsError` if one of them is not sound."""

    def __init__(self, settings: ScanSettings) -> None:
        packs = settings.rule_packs
        self._signatures = Signatures(load_packs(packs)) if packs else shipped_signatures()
        self._weights = shipped_weights()
        self._learned = _learned(settings, self._weights.probability(0.0))
        self._external = load_external(settings.external_model) if settings.external_model else None

    @property
    def ran(self) -> tuple[str, ...]:
        """Name each layer with its version, and the classifier that is switched off."""
        return (
            "canonical@1",
            "decoding@1",
            carriers.VERSION,
            self._signatures.version,
            f"evidence@{self._weights.version}",
            *(self._learned.ran if self._learned else ("classifier:off",)),
            *((f"{_EXTERNAL}@{self._external.version}",) if self._external else ()),
        )

    @property
    def has_classifier(self) -> bool:
        """Whether the learned layer reads."""
        return self._learned is not None

    @property
    def budgets(self) -> Mapping[str, float]:
        """Thresholds by share of false alarms, with the classifier."""
        return self._learned.budgets if self._learned else {}

    def __call__(self, text: str) -> Judgement:
        """Return what all layers say of ``text`` (untrusted). Linear in its length."""
        timings: dict[str, float] = {}
        reading = _timed(timings, "signatures", lambda: read(text, self._signatures))
        scores = hit_scores(windows(reading.hits, self._weights))
        pairs = list(zip(reading.hits, scores, strict=True))
        nothing = self._weights.probability(0.0)
        if (learned := self._learned) is not None:
            pairs = _timed(timings, "classifier", lambda: learned.weighed(reading, scores))
            nothing = learned.unread
        if (external := self._external) is not None:
            pairs += _timed(timings, _EXTERNAL, lambda: _external_hits(text, external))
            pairs.sort(key=lambda pair: (pair[0].start, pair[0].end))
        return Judgement(
            hits=tuple(hit for hit, _ in pairs),
            scores=tuple(score for _, score in pairs),
            nothing=nothing,
            timings_ms=timings,
        )


def _learned(settings: ScanSettings, nothing: float) -> LearnedLayer | None:
    if settings.unsafe_no_classifier:
        _log.warning("the injection classifier is switched off: rules alone read what is scanned")
        return None
    return LearnedLayer(settings.classifier or SHIPPED, nothing)


def _external_hits(text: str, model: ExternalModel) -> list[tuple[Hit, float]]:
    return [
        (
            Hit(
                detector=_EXTERNAL,
                description="The external model takes this for an injection.",
                group=_EXTERNAL,
                severity=Severity.HIGH,
                value=1.0,
                start=span.start,
                end=span.end,
            ),
            span.probability,
        )
        for span in model.read(text)
    ]


def _timed(timings: dict[str, float], layer: str, work: Callable[[], _T]) -> _T:
    started = time.perf_counter()
    result = work()
    timings[layer] = (time.perf_counter() - started) * 1000
    return result
