"""A secure sketch binds a vector to its chunk: whatever a store does to float32, no move of it.

Stores normalise again, some keep half precision, so a hash of a vector's bytes would refuse honest
points. Here the unit vector is rounded to a grid; the sketch carries a hash of the grid point, and
the parity of each coordinate, from which a reader whose vector is a little off finds that very grid
point again (a code-offset construction: Dodis, Reyzin and Smith, "Fuzzy Extractors", 2004, after
Juels and Wattenberg 1999).

- INVARIANT: a vector passes only if no coordinate of its direction lies a whole step or more from
  the signed grid point, so its angle to the signed vector is at most 1.5 `STEP_ANGLE`, also when
  an attacker picks the direction. The signs of projections that version 1 used (sketch.py) bind no
  direction in their null space.
- INVARIANT: a vector moved by less than half a step in every coordinate passes, whatever the
  machine: rounding errors of another implementation do not show.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix
from ...core.errors import VectorError

STEP_ANGLE = 0.04
"""The grid's step is this over the root of the dimension: a turn by so many radians, spread evenly,
moves every coordinate by one step. Measured in half steps, from which on an honest vector may fail
(benchmarks/vector_binding.py, 384 dimensions): float32 moves a coordinate by 0.00003 at most, half
precision by 0.08, 8 bits by 0.93. Random turns of 0.8 degrees are all refused."""

NORM_TOLERANCE = 0.01
"""A store returns a vector as long as it was signed, or as a unit vector."""

DIGEST_BYTES = 16
"""128 bits against a second preimage; who signs can collide with nobody but himself."""

_DOMAIN = b"ragbastion/vector/v2\x00"
_HEAD = struct.Struct(">f16s")


def sketch_bytes(dimension: int) -> int:
    """Return how long a sketch is: the norm, the digest, and a bit a coordinate."""
    return _HEAD.size + (dimension + 7) // 8


def bind_vectors(vectors: Matrix) -> list[bytes]:
    """Return the sketches of vectors (n, d); raise `VectorError` for one that has no direction."""
    norms, scaled = _scaled(vectors)
    if not all(_directed(norms.tolist())):
        raise VectorError("a vector cannot be signed: it is zero or not finite; embed it again")
    grid = np.rint(scaled).astype("<i2")
    parities = np.packbits(grid & 1, axis=1)
    return [
        _HEAD.pack(norm, digest) + parity.tobytes()
        for norm, digest, parity in zip(norms, _digests(grid), parities, strict=True)
    ]


def bound_rows(vectors: Matrix, sketches: Sequence[bytes]) -> list[bool | None]:
    """Return for each vector (n, d) whether it is the one of its sketch, up to the tolerance.

    None stands for a vector that has no direction: zero, or not finite. INVARIANT: every sketch has
    `sketch_bytes` of the dimension; callers have looked.
    """
    dimension, joined = vectors.shape[1], b"".join(sketches)
    width = sketch_bytes(dimension)
    bits = np.frombuffer(joined, dtype=np.uint8).reshape(-1, width)[:, _HEAD.size :]
    norms, scaled = _scaled(vectors)
    lengths = norms.tolist()
    directed = _directed(lengths)
    if not all(directed):
        scaled[np.logical_not(directed)] = 0
    digests = _digests(_nearest(scaled, np.unpackbits(bits, axis=1, count=dimension)))
    heads = map(_HEAD.unpack_from, sketches)
    return [
        (digest == signed and _norm_fits(norm, length)) if usable else None
        for usable, norm, digest, (length, signed) in zip(
            directed, lengths, digests, heads, strict=True
        )
    ]


def _directed(lengths: Sequence[float]) -> list[bool]:
    """Return for each length whether its vector has a direction: it is neither 0 nor infinite."""
    return [0.0 < length < math.inf for length in lengths]


def _scaled(vectors: Matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return norms (n,) and the unit vectors in steps of the grid (n, d)."""
    with np.errstate(all="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        steps = np.float32(math.sqrt(vectors.shape[1]) / STEP_ANGLE) / norms
        return norms, vectors * steps[:, None]


def _nearest(scaled: NDArray[np.float32], parities: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the grid points nearest to the vectors among those of the signed parities."""
    grid = scaled - parities
    grid *= np.float32(0.5)
    np.rint(grid, out=grid)
    nearest = grid.astype("<i2")
    nearest += nearest
    nearest += parities
    return nearest


def _norm_fits(norm: float, signed: float) -> bool:
    # Number by number: for the 20 hits of a query eight calls of numpy take longer.
    return abs(norm - signed) <= NORM_TOLERANCE * signed or abs(norm - 1) <= NORM_TOLERANCE


def _digests(grid: NDArray[np.int16]) -> list[bytes]:
    data, width = grid.tobytes(), grid.shape[1] * 2
    prefix = _DOMAIN + struct.pack(">I", grid.shape[1])
    return [
        hashlib.sha256(prefix + data[at : at + width]).digest()[:DIGEST_BYTES]
        for at in range(0, len(data), width)
    ]
