"""How far a document is from what the collection holds: for information, and never a reason.

Distance finds new subjects and not poison, which is written to lie near. Each source that keeps
bringing a subject gets a centre of its own, so that it is new once and not for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.chunk import Matrix
from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput
from .state_file import Arrays

CENTRES = 64
_JOIN = 0.45
"""Cosine from which a passage joins a centre rather than opening one."""

_FADE = 0.999
NEW = 0.15
"""Cosine to the nearest centre under which a document is told as new."""


class Centres:
    """Up to 64 subjects of a collection: a mean vector each, and how much it weighs."""

    def __init__(self) -> None:
        self.means: Matrix = np.zeros((0, 0), dtype=np.float32)
        self.weights = np.zeros(0)

    def nearest(self, vectors: Matrix) -> np.ndarray:
        """Return the cosine to the nearest centre (n,); 1 where there is none to compare with."""
        if not len(self.means) or self.means.shape[1] != vectors.shape[1]:
            return np.ones(len(vectors))
        return np.asarray((vectors @ self.means.T).max(axis=1))

    def learn(self, vectors: Matrix, weight: float) -> None:
        """Move centres towards admitted vectors, or open new ones in place of the lightest."""
        if len(self.means) and self.means.shape[1] != vectors.shape[1]:
            self.means, self.weights = np.zeros((0, 0), dtype=np.float32), np.zeros(0)
        for vector in vectors:
            self._take(vector, weight)
        self.weights *= _FADE ** len(vectors)

    @property
    def bytes_held(self) -> int:
        """Memory of the arrays."""
        return self.means.nbytes + self.weights.nbytes

    def state(self) -> Arrays:
        """Return the arrays to save."""
        return {"centre_means": self.means, "centre_weights": self.weights}

    def restore(self, arrays: Arrays) -> None:
        """Take saved arrays back."""
        self.means = arrays["centre_means"].astype(np.float32)
        self.weights = arrays["centre_weights"].astype(np.float64)
        if self.means.ndim != 2 or len(self.means) != len(self.weights):
            raise ValueError("the centres do not fit their weights")

    def _take(self, vector: np.ndarray, weight: float) -> None:
        cosines = self.means @ vector if len(self.means) else np.zeros(0)
        at = int(np.argmax(cosines)) if len(cosines) else -1
        if at >= 0 and cosines[at] >= _JOIN:
            moved = self.means[at] + vector * (weight / (self.weights[at] + weight))
            self.means[at] = moved / max(float(np.linalg.norm(moved)), 1e-9)
            self.weights[at] += weight
        elif len(self.means) < CENTRES:
            self.means = np.vstack([self.means.reshape(-1, len(vector)), vector])
            self.weights = np.append(self.weights, weight)
        else:
            lightest = int(np.argmin(self.weights))
            self.means[lightest], self.weights[lightest] = vector, weight


class Novelty:
    """A subject that the collection does not hold yet."""

    name = "novelty"
    version = "1"
    threshold = 1.0
    decision = Decision.ALLOW

    def __init__(self, centres: Centres) -> None:
        self._centres = centres

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 for a document all of whose passages are far from every centre."""
        return [self._reading(each) for each in batch]

    def _reading(self, each: SignalInput) -> Reading:
        if each.vectors is None or not len(each.vectors):
            return NOTHING
        nearest = float(self._centres.nearest(each.vectors).max())
        if nearest >= NEW:
            return Reading(score=min(0.99, max(0.0, 1.0 - nearest)))
        return Reading(score=1.0, why="its subject is new to the collection")
