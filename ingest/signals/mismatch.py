"""Vectors that are not those of their texts: brought by a user, and embedded again to see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.embedding import Embedder
from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput

LEAST_COSINE = 0.98
"""Float16 and other batch sizes stay above .9999; an edit of a single word falls below."""

_PIECES = 4


class VectorMismatch:
    """A brought vector that its text does not give; costs an embedding a passage.

    The first passages of each document are embedded again, the others are taken on the word of
    these: the vector sketch of provenance binds all of them from then on.
    """

    name = "vector_mismatch"
    version = "1"
    threshold = 1.0
    decision = Decision.QUARANTINE

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 where a passage's vector is another one than the embedder's."""
        texts = [text for each in batch for text in each.pieces[:_PIECES]]
        rows = iter(self._embedder.embed(texts)) if texts else iter(())
        readings = []
        for each in batch:
            fresh = [next(rows) for _ in each.pieces[:_PIECES]]
            readings.append(_reading(each, np.array(fresh, dtype=np.float32)))
        return readings


def _reading(each: SignalInput, fresh: np.ndarray) -> Reading:
    if each.vectors is None or not len(fresh):
        return NOTHING
    brought = np.asarray(each.vectors[: len(fresh)], dtype=np.float32)
    if brought.shape != fresh.shape:
        return Reading(score=1.0, why="its vectors have another dimension than the model's")
    lengths = np.linalg.norm(brought, axis=1) * np.linalg.norm(fresh, axis=1)
    worst = float(((brought * fresh).sum(axis=1) / np.maximum(lengths, 1e-12)).min())
    if worst >= LEAST_COSINE:
        return NOTHING
    return Reading(score=1.0, why=f"a vector is not that of its text (cosine {worst:.2f})")
