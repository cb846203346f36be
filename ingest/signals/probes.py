"""Queries that stand for what a collection may be asked, and how its documents score on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix
from ...core.embedding import Embedder
from .state_file import Arrays

PROBES = Path(__file__).with_name("probes.txt")
BEST = 10
"""Best scores of the collection that are kept for a probe."""

_ALIKE = 0.5
"""Probes with this cosine and more count as one: a document about Norway may well be the best
answer to five questions about Norway."""


class ProbeScores:
    """Best scores of a set of probes, and mean and spread of all, updated with every document."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.vectors: Matrix = np.zeros((0, 0), dtype=np.float32)
        self._groups = np.zeros(0, dtype=np.int64)
        self._best = np.zeros((0, BEST), dtype=np.float32)
        self._sum = np.zeros(0)
        self._squares = np.zeros(0)
        self.count = 0
        self.lift = np.zeros(3)
        self.entries = np.zeros(3)

    def set_vectors(self, vectors: Matrix) -> None:
        """Ask other probes from now on; those that stay keep what is known of them."""
        old = {row.tobytes(): at for at, row in enumerate(self.vectors)}
        places = [old.get(row.tobytes(), -1) for row in vectors]
        best = np.full((len(vectors), BEST), np.inf, dtype=np.float32)
        total, squares = np.full(len(vectors), np.nan), np.full(len(vectors), np.nan)
        for at, place in enumerate(places):
            if place >= 0:
                best[at] = self._best[place]
                total[at], squares[at] = self._sum[place], self._squares[place]
        self.vectors, self._best, self._sum, self._squares = vectors, best, total, squares
        self._groups = _groups(vectors)

    def fresh(self) -> NDArray[np.int64]:
        """Return the probes of which no score is known yet."""
        return np.flatnonzero(np.isinf(self._best).any(axis=1))

    def set_best(self, places: NDArray[np.int64], best: NDArray[np.float32]) -> None:
        """Set the best scores (n, 10) of some probes, as the store tells them."""
        self._best[places] = best

    def measure(self, vectors: Matrix) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Measure hubness of each row.

        Returns how far it lifts the scores of all probes, in standard deviations on
        average, and of how many dissimilar probes it enters the best ten.

        Probes that are not known well yet are left out; none known means 0 and 0.
        """
        known = np.isfinite(self._sum)
        if not known.any() or vectors.shape[1] != self.vectors.shape[1]:
            return np.zeros(len(vectors)), np.zeros(len(vectors), dtype=np.int64)
        scores = vectors @ self.vectors[known].T
        mean = self._sum[known] / self.count
        spread = np.sqrt(np.maximum(self._squares[known] / self.count - mean**2, 1e-6))
        lift = ((scores - mean) / spread).mean(axis=1)
        enters = scores > self._best[known].min(axis=1)
        groups = self._groups[known]
        counts = [len(np.unique(groups[row])) for row in enters]
        return lift.astype(np.float64), np.array(counts, dtype=np.int64)

    def learn(self, vectors: Matrix) -> None:
        """Take in the vectors of admitted documents."""
        if not len(self.vectors) or vectors.shape[1] != self.vectors.shape[1]:
            return
        if self.count >= 50:
            lift, entries = self.measure(vectors)
            self.lift += [len(lift), lift.sum(), (lift**2).sum()]
            self.entries += [len(lift), entries.sum(), (entries.astype(float) ** 2).sum()]
        scores = vectors @ self.vectors.T
        # One that came later is credited with the documents before it as if they were like these.
        fresh = ~np.isfinite(self._sum)
        self._sum[fresh] = scores[:, fresh].mean(axis=0) * self.count
        self._squares[fresh] = (scores[:, fresh] ** 2).mean(axis=0) * self.count
        self._best[fresh & np.isinf(self._best).any(axis=1)] = -1.0
        self._sum += scores.sum(axis=0)
        self._squares += (scores**2).sum(axis=0)
        self.count += len(vectors)
        merged = np.concatenate([self._best, scores.T.astype(np.float32)], axis=1)
        self._best = np.partition(merged, -BEST, axis=1)[:, -BEST:]

    @property
    def bytes_held(self) -> int:
        """Memory of the arrays."""
        arrays = (self.vectors, self._best, self._sum, self._squares, self._groups)
        return sum(array.nbytes for array in arrays)

    def state(self) -> Arrays:
        """Return the arrays to save."""
        arrays: Arrays = {
            "vectors": self.vectors,
            "best": self._best,
            "sum": self._sum,
            "squares": self._squares,
            "count": np.array([self.count]),
            "lift": self.lift,
            "entries": self.entries,
        }
        return {f"{self._prefix}_{name}": array for name, array in arrays.items()}

    def restore(self, arrays: Arrays) -> None:
        """Take saved arrays back; raise `KeyError` or `ValueError` if they do not fit."""
        at = {name: arrays[f"{self._prefix}_{name}"] for name in
              ("vectors", "best", "sum", "squares", "count", "lift", "entries")}  # fmt: skip
        count = len(at["vectors"])
        shapes = {"best": (count, BEST), "sum": (count,), "squares": (count,), "lift": (3,),
                  "entries": (3,)}  # fmt: skip
        if at["vectors"].ndim != 2 or any(at[name].shape != fits for name, fits in shapes.items()):
            raise ValueError("the probes do not fit their scores")
        self.vectors, self._best = at["vectors"].astype(np.float32), at["best"].astype(np.float32)
        self._sum, self._squares = at["sum"].astype(float), at["squares"].astype(float)
        self.count = int(at["count"][0])
        self.lift, self.entries = at["lift"].astype(float), at["entries"].astype(float)
        self._groups = _groups(self.vectors)


def shipped_probes() -> list[str]:
    """Return the texts of the shipped probes."""
    return PROBES.read_text(encoding="utf-8").splitlines()


def embedded_probes(embedder: Embedder) -> Matrix:
    """Return the shipped probes as unit vectors (p, d) of the embedder; takes some seconds."""
    return np.asarray(embedder.embed(shipped_probes()), dtype=np.float32)


def _groups(vectors: Matrix) -> NDArray[np.int64]:
    """Return a group for each vector: that of the first vector before it that is like it."""
    groups = np.arange(len(vectors))
    if len(vectors):
        cosines = vectors @ vectors.T
        for at in range(len(vectors)):
            alike = np.flatnonzero(cosines[at, :at] >= _ALIKE)
            if len(alike):
                groups[at] = groups[alike[0]]
    return groups
