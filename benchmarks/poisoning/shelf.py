"""The stored passages as the signals ask for them: neighbours by exact search over arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ...core.chunk import ChunkId, Matrix
from ...core.store import Hit, StoredPoint
from .screening import Arrival

_ROOM = 1024


class Shelf:
    """Admitted documents of one collection, with their vectors (n, d)."""

    def __init__(self, dimension: int) -> None:
        self._vectors = np.zeros((_ROOM, dimension), dtype=np.float32)
        self._arrivals: list[Arrival] = []
        self._owned = True

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Store admitted documents."""
        needed = len(self._arrivals) + len(arrivals)
        if not self._owned or needed > len(self._vectors):
            rows = max(needed + _ROOM, len(self._vectors) if self._owned else 0)
            room = np.zeros((rows, self._vectors.shape[1]), dtype=np.float32)
            room[: len(self._arrivals)] = self._vectors[: len(self._arrivals)]
            self._vectors, self._owned = room, True
        for each in arrivals:
            self._vectors[len(self._arrivals)] = each.vector
            self._arrivals.append(each)

    @property
    def ids(self) -> set[str]:
        """The documents that are stored."""
        return {each.doc.id for each in self._arrivals}

    def remove(self, ids: Collection[str]) -> None:
        """Take documents out."""
        kept = [at for at, each in enumerate(self._arrivals) if each.doc.id not in ids]
        if len(kept) < len(self._arrivals):
            self._vectors, self._owned = self._vectors[kept], True
            self._arrivals = [self._arrivals[at] for at in kept]

    def nearest(self, vectors: Matrix, count: int) -> list[list[Hit]]:
        """Return the best ``count`` stored documents for each row of (n, d)."""
        stored = self._vectors[: len(self._arrivals)]
        if not len(stored):
            return [[] for _ in vectors]
        scores = np.asarray(vectors, dtype=np.float32) @ stored.T
        few = min(count, len(stored))
        best = np.argpartition(-scores, few - 1, axis=1)[:, :few]
        return [
            [self._hit(at, float(row[at])) for at in sorted(places, key=lambda at: -row[at])]
            for row, places in zip(scores, best.tolist(), strict=True)
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> Shelf:
        """Return a shelf that shares the vectors until one of the two is added to."""
        copy = Shelf.__new__(Shelf)
        copy._vectors, copy._arrivals, copy._owned = self._vectors, list(self._arrivals), False
        memo[id(self)] = copy
        return copy

    def _hit(self, at: int, score: float) -> Hit:
        each = self._arrivals[at]
        payload = {
            "text": each.doc.text,
            "source": each.doc.party.name,
            "document": each.doc.id,
        }
        point = StoredPoint(id=ChunkId(str(at)), vector=self._vectors[at], payload=payload)
        return Hit(point=point, score=score)
