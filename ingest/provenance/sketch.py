"""The sketch of version 1: it is verified and no longer signed (secure_sketch.py is what is).

Stores normalise again and return vectors that differ in the last bits, so a byte hash would reject
honest points. The sketch is the signs of a fixed random projection (Charikar 2002): two vectors at
angle t differ in about t / pi of the bits. The projection is made of +1 and -1 expanded from a
seed by SHAKE-256, so that every machine makes the same.

It sees random turns. One that an attacker chooses in the null space of the projection flips nothing
(docs/adr/0010-binding-vectors.md).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix

SKETCH_BITS = 256

MAX_FLIPPED_BITS = 2
"""Honest float32 round trips flip none of 2.56 million bits; turning a vector by 3 degrees flips
4 bits on average (tests/ingest/provenance/test_sketch.py)."""

_SEED = b"ragbastion/vector-sketch/v1/"


@lru_cache(maxsize=8)
def _projection(dimension: int) -> NDArray[np.float32]:
    """Return the ±1 projection, shape (dimension, SKETCH_BITS)."""
    seed = _SEED + str(dimension).encode()
    raw = hashlib.shake_256(seed).digest(dimension * SKETCH_BITS // 8)
    bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8)).reshape(dimension, SKETCH_BITS)
    return bits.astype(np.float32) * 2 - 1


def sketch_vectors(vectors: Matrix) -> NDArray[np.uint8]:
    """Return the sketches of vectors (n, d) as packed bits, shape (n, SKETCH_BITS / 8)."""
    signs = vectors @ _projection(vectors.shape[1]) > 0
    return np.packbits(signs, axis=1)


def flipped_bits(sketches: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many bits differ between sketches, row by row, shape (n,)."""
    differing: NDArray[np.int64] = np.unpackbits(sketches ^ others, axis=1).sum(
        axis=1, dtype=np.int64
    )
    return differing
