"""Signals over vectors: what the embedding model did not see."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ...core.chunk import Vector
from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput

_NORM_TOLERANCE = 1e-3
"""Embedders return unit vectors; float32 rounding stays under 1e-6."""

_SAME_VECTOR = 1e-5
"""Largest difference in any coordinate of one text embedded beside others (measured: 3e-7)."""

_LARGEST = 1e15
"""Far from any embedding; sums of squares of larger numbers may leave float32."""

_MAX_COMPARED = 50
"""A batch of a thousand copies must not cost a million comparisons."""


class VectorSanity:
    """A vector that is no embedding: NaN, infinity, zeros, a constant, or not one vector a text.

    ``dimension`` is what vectors have to have; 0 takes what most of a batch have.
    """

    name = "vector_sanity"
    version = "2"
    threshold = 1.0
    decision = Decision.QUARANTINE

    def __init__(self, dimension: int = 0) -> None:
        self._dimension = dimension

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 where a document's vectors cannot be compared with the others'."""
        why = "its vectors have another dimension than the others"
        return [
            NOTHING if fits else Reading(score=1.0, why=_insane(each) or why)
            for each, fits in zip(batch, self.sane(batch), strict=True)
        ]

    def sane(self, batch: Sequence[SignalInput]) -> list[bool]:
        """Return which documents can be compared: sane ones of the one dimension."""
        sane = [not _insane(each) for each in batch]
        widths = Counter(
            each.vectors.shape[1]
            for each, fits in zip(batch, sane, strict=True)
            if fits and each.vectors is not None and len(each.vectors)
        )
        usual = self._dimension or (widths.most_common(1)[0][0] if widths else 0)
        return [
            fits
            and (each.vectors is None or not len(each.vectors) or each.vectors.shape[1] == usual)
            for each, fits in zip(batch, sane, strict=True)
        ]


def _insane(each: SignalInput) -> str:
    """Return what is wrong with a document's vectors, if anything is."""
    if each.vectors is None:
        return ""
    vectors = np.asarray(each.vectors)
    if vectors.dtype.kind not in "fiu":
        return "its vectors are not real numbers"
    if vectors.ndim != 2 or len(vectors) != len(each.pieces):
        return "its vectors are not one row a passage"
    if not len(vectors):
        return ""
    if not np.isfinite(vectors).all():
        return "a vector holds NaN or infinity"
    if np.abs(vectors).max() > _LARGEST:
        return "a vector holds a number too large to compare"
    if not vectors.any(axis=1).all():
        return "a vector is all zeros"
    if vectors.shape[1] > 1 and (np.ptp(vectors, axis=1) <= 1e-9).any():
        return "a vector has the same number everywhere"
    return ""


class VectorNorm:
    """A vector whose length is not 1: scaled to win every inner product, or not an embedding."""

    name = "vector_norm"
    version = "1"
    threshold = 1.0
    decision = Decision.QUARANTINE

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 where a chunk's vector has another length than 1."""
        return [self._reading(each) for each in batch]

    def _reading(self, each: SignalInput) -> Reading:
        if each.vectors is None or not len(each.vectors):
            return NOTHING
        worst = float(np.abs(np.linalg.norm(each.vectors, axis=1) - 1.0).max())
        if worst <= _NORM_TOLERANCE:
            return NOTHING
        return Reading(score=1.0, why=f"a vector's length is off 1 by {worst:.3g}")


class BlindVector:
    """Different texts with one vector: the model is blind to what sets them apart.

    A word of over 100 characters, or of a script that is not in the vocabulary, is one unknown
    token; a text that is retrieved for what it shows can carry anything else in such words.
    """

    name = "blind_vector"
    version = "1"
    threshold = 1.0
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 where a chunk shares its vector with a chunk of another text."""
        buckets: dict[bytes, list[tuple[str, Vector]]] = defaultdict(list)
        rows = [_keyed(each) for each in batch]
        for row in rows:
            for key, text, vector in row:
                buckets[key].append((text, vector))
        return [
            Reading(score=1.0, why="its vector is that of a different text")
            if any(_is_blind(text, vector, buckets[key]) for key, text, vector in row)
            else NOTHING
            for row in rows
        ]


def _keyed(each: SignalInput) -> list[tuple[bytes, str, Vector]]:
    if each.vectors is None:
        return []
    # Coarse on purpose: padding changes the last bits of an embedding, and `_is_blind` compares.
    return [
        (np.round(vector, 2).tobytes(), _folded(piece), vector)
        for piece, vector in zip(each.pieces, each.vectors, strict=True)
    ]


def _is_blind(text: str, vector: Vector, bucket: Sequence[tuple[str, Vector]]) -> bool:
    return any(
        text != other and float(np.abs(vector - theirs).max()) < _SAME_VECTOR
        for other, theirs in bucket[:_MAX_COMPARED]
    )


def _folded(text: str) -> str:
    """Return the text as an uncased model sees it: no case, accents or runs of white space."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(kept.split())
