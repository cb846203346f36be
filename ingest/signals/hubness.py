"""A document near many unlike queries at once: what a passage made to answer everything is.

Radovanovic et al. 2010 on hubs; Zhong et al. 2023 on making them. Two measures: how far the scores
of all shipped probes are lifted at once, and of how many dissimilar probes, shipped or asked, the
best ten are entered. What was asked is of the collection's own subjects: the first passages of a
subject lift half of that at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix
from ...core.verdict import Decision
from .probes import ProbeScores
from .signal import NOTHING, Reading, SignalInput

LEAST_LEARNED = 200
"""Passages learned before anything is called a hub: of few, each answers something best."""

LEAST_LIFT, LIFT_DEVIATIONS = 0.6, 3.2
"""Measured on 10,125 passages of seven sources, each left out in turn: .56 at most; means of 20 and
more questions: .7 to 1.0 (all-MiniLM-L6-v2)."""

NEW_LIFT, NEW_DEVIATIONS = 0.5, 2.7
"""The same of a source in probation: 0 to .4 % of the passages of a source left out are lifted so
far, and .96 of means of 15 questions."""

LEAST_ENTRIES, ENTRY_DEVIATIONS = 14, 8.0
"""The same passages entered the best ten of 10 probes at most."""


class Hubness:
    """Near to probes of all kinds."""

    name = "hubness"
    version = "3"
    threshold = 1.0
    decision = Decision.QUARANTINE

    def __init__(self, shipped: ProbeScores, asked: ProbeScores) -> None:
        self._shipped = shipped
        self._asked = asked

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the worst passage of each document over what was never seen of honest ones."""
        rows = [each.vectors for each in batch if each.vectors is not None and len(each.vectors)]
        if not rows:
            return [NOTHING] * len(batch)
        new = [each.probation for each in batch for _ in range(_count(each))]
        scores = iter(self._scores(np.vstack(rows), np.array(new)))
        return [
            _reading(max((next(scores) for _ in range(_count(each))), default=0.0))
            for each in batch
        ]

    def _scores(self, vectors: Matrix, new: NDArray[np.bool_]) -> list[float]:
        worst = np.zeros(len(vectors))
        for probes in (self._shipped, self._asked):
            if probes.count >= LEAST_LEARNED:
                lift, entries = probes.measure(vectors)
                limit = _limit(probes.entries, LEAST_ENTRIES, ENTRY_DEVIATIONS)
                worst = np.maximum(worst, entries / limit)
                if probes is self._shipped:
                    worst = np.maximum(worst, lift / _lift_limits(probes, new))
        return [float(score) for score in worst]


def _lift_limits(probes: ProbeScores, new: NDArray[np.bool_]) -> NDArray[np.float64]:
    known = _limit(probes.lift, LEAST_LIFT, LIFT_DEVIATIONS)
    return np.where(new, _limit(probes.lift, NEW_LIFT, NEW_DEVIATIONS), known)


def _count(each: SignalInput) -> int:
    return 0 if each.vectors is None else len(each.vectors)


def _reading(score: float) -> Reading:
    if score < 1.0:
        return Reading(score=max(0.0, score) * 0.999)
    return Reading(score=1.0, why="it is near to queries of many unlike subjects at once")


def _limit(moments: np.ndarray, least: float, deviations: float) -> float:
    """Return the limit by (count, sum, sum of squares) of what was learned, at least ``least``."""
    count, total, squares = moments
    if count < 50:
        return least
    mean = total / count
    spread = float(np.sqrt(max(squares / count - mean**2, 0.0)))
    return max(least, float(mean) + deviations * spread)
