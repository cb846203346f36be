"""The candidates of one query as arrays, refused if they cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError, VectorError
from .standing import Standing

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Texts (untrusted), vectors (n, d), scores (n,) and standings of the same n passages."""

    texts: Sequence[str]
    vectors: Floats
    scores: Floats
    standings: Sequence[Standing]

    @cached_property
    def cosines(self) -> Floats:
        """The cosine of each two (n, n); 0 where a vector is all zeros, which stands for none."""
        largest = np.abs(self.vectors).max(axis=1, keepdims=True, initial=0.0)
        # Scaled first: what float64 holds may still be too large to square.
        scaled = np.divide(
            self.vectors, largest, out=np.zeros_like(self.vectors), where=largest > 0
        )
        lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
        unit = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 0)
        return np.asarray(unit @ unit.T, dtype=np.float64)


def candidates_of(
    texts: Sequence[str], vectors: Any, scores: Any, standings: Sequence[Standing]
) -> Candidates:
    """Check what a caller gives.

    Raises `UsageError` for lists of different lengths, texts or standings that are none and scores
    that are no finite numbers, `VectorError` for vectors of different or no dimensions, NaN or
    infinity.
    """
    _require_lists(texts, standings)
    count = len(texts)
    matrix, ranks = _array(vectors, "vectors"), _array(scores, "scores")
    if count == 0 and matrix.size == 0:
        matrix = matrix.reshape(0, 1)
    if ranks.shape != (count,) or len(standings) != count:
        raise UsageError(
            f"candidates refused: {count} texts, scores of shape {ranks.shape} and "
            f"{len(standings)} sources; give one of each for every text"
        )
    if matrix.ndim != 2 or len(matrix) != count or not matrix.shape[1]:
        raise VectorError(
            f"vectors refused: shape {matrix.shape}, expected ({count}, d); embed every text with "
            "the same model"
        )
    if not np.isfinite(matrix).all():
        raise VectorError("vectors refused: they hold NaN or infinity; embed these texts again")
    if not np.isfinite(ranks).all():
        raise UsageError("scores refused: they hold NaN or infinity, by which nothing can rank")
    if not all(isinstance(text, str) for text in texts):
        raise UsageError("texts refused: each must be a str")
    return Candidates(texts, matrix, ranks, standings)


def _require_lists(texts: object, standings: object) -> None:
    for given, what in ((texts, "texts"), (standings, "sources")):
        if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray):
            raise UsageError(f"{what} refused: give a list with one of them for each candidate")
    if not all(_is_standing(each) for each in cast("Sequence[object]", standings)):
        raise UsageError(
            "sources refused: each must be a Standing with a str as source and seconds as opened_at"
        )


def _is_standing(given: object) -> bool:
    return (
        isinstance(given, Standing)
        and isinstance(given.source, str)
        and isinstance(given.opened_at, int | float)
    )


def _array(values: Any, what: str) -> Floats:
    try:
        found = np.asarray(values)
        if found.dtype.kind == "c":
            raise TypeError("complex numbers have no order")
        return np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorError(f"{what} refused: not a rectangular array of numbers") from error
