"""Checks the vectors of many chunks at once, each by the sketch of the version that signed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import Enum

import numpy as np

from ...core.chunk import Matrix, Vector
from .secure_sketch import bound_rows, sketch_bytes
from .sketch import MAX_FLIPPED_BITS, SKETCH_BITS, flipped_bits, sketch_vectors


class VectorState(Enum):
    """What a vector is to its sketch."""

    BOUND = "bound"
    MOVED = "moved"
    UNUSABLE = "unusable"


_Alike = tuple[int, int, tuple[int, ...]]
"""What vectors that are compared together share: version, length of the sketch, shape."""

_STATES = {True: VectorState.BOUND, False: VectorState.MOVED, None: VectorState.UNUSABLE}


class VectorCheck:
    """Takes the vectors of a call one by one and compares them in one go."""

    def __init__(self) -> None:
        self._count = 0
        self._groups: dict[_Alike, list[tuple[int, Vector, bytes]]] = defaultdict(list)

    def add(self, vector: Vector | None, sketch: bytes, version: int) -> None:
        """Take a vector (d,) with the sketch of its proof; what cannot be compared is unusable."""
        if vector is not None:
            alike = version, len(sketch), vector.shape
            self._groups[alike].append((self._count, vector, sketch))
        self._count += 1

    def states(self) -> list[VectorState]:
        """Return one state for each vector that was added, in order."""
        found = [VectorState.UNUSABLE] * self._count
        for (version, length, shape), members in self._groups.items():
            if len(shape) != 1 or length != _sketch_bytes(version, *shape):
                continue
            places, rows, sketches = zip(*members, strict=True)
            matrix = np.concatenate(rows).reshape(len(rows), *shape)
            matrix = matrix.astype(np.float32, copy=False)
            bound = _bound_v1 if version == 1 else bound_rows
            for at, passed in zip(places, bound(matrix, sketches), strict=True):
                found[at] = _STATES[passed]
        return found


def _sketch_bytes(version: int, dimension: int) -> int:
    """Return how long the sketches of a version are for vectors of a dimension; -1 for none."""
    if dimension == 0:
        return -1
    return SKETCH_BITS // 8 if version == 1 else sketch_bytes(dimension)


def _bound_v1(matrix: Matrix, sketches: Sequence[bytes]) -> list[bool | None]:
    signed = np.frombuffer(b"".join(sketches), dtype=np.uint8).reshape(len(sketches), -1)
    usable = np.logical_and.reduce(np.isfinite(matrix), axis=1).tolist()
    with np.errstate(all="ignore"):
        flipped = flipped_bits(sketch_vectors(matrix), signed)
    return [
        bits <= MAX_FLIPPED_BITS if use else None
        for bits, use in zip(flipped.tolist(), usable, strict=True)
    ]
