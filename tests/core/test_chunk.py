"""Vectors are checked, and labels are ordered."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ragbastion.core.chunk import (
    Integrity,
    Vector,
    checked_matrix,
    checked_vector,
    lowest_integrity,
)
from ragbastion.core.errors import VectorError

BAD_VECTORS = {
    "wrong dimension": ([[1.0, 2.0, 3.0]], r"shape \(1, 3\), expected \(n, 2\)"),
    "flat": ([1.0, 2.0], "shape"),
    "ragged": ([[1.0, 2.0], [1.0]], "not a rectangular array"),
    "text": ([["a", "b"]], "not a rectangular array"),
    "nan": ([[1.0, 2.0], [float("nan"), 1.0]], "vector 1 refused: it holds NaN"),
    "infinity": ([[float("inf"), 2.0]], "vector 0 refused: it holds NaN or infinity"),
    "overflow": ([[1e300, 2.0]], "vector 0 refused"),
    "zero": ([[0.0, 0.0]], "all zeros"),
}


@pytest.mark.parametrize("name", BAD_VECTORS)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_bad_vectors_are_refused(name: str) -> None:
    """Each kind of bad vector is refused with its row and reason."""
    vectors, reason = BAD_VECTORS[name]
    with pytest.raises(VectorError, match=reason):
        checked_matrix(vectors, 2)


def test_good_vectors_become_float32() -> None:
    """Numbers of any kind come back as float32, shape kept."""
    matrix = checked_matrix([[1, 2], [3, 4]], 2)
    assert (matrix.dtype, matrix.shape) == (np.float32, (2, 2))


@given(arrays(np.float32, 3, elements=st.floats(width=32)))
def test_one_vector_is_judged_as_a_row_of_a_matrix(vector: Vector) -> None:
    """The quick check of one vector passes and refuses what the check of a matrix does."""
    try:
        expected = checked_matrix(vector[np.newaxis], 3)[0]
    except VectorError as error:
        with pytest.raises(VectorError, match=re.escape(str(error))):
            checked_vector(vector, 3)
    else:
        assert np.array_equal(checked_vector(vector, 3), expected)


@pytest.mark.parametrize("vector", [[1.0], [1.0, [2.0]], "ab", np.ones((1, 2), np.float32)])
def test_what_is_not_one_vector_is_refused(vector: object) -> None:
    """A wrong length, a ragged list, a text and a matrix are no vector of two numbers."""
    with pytest.raises(VectorError, match="vectors refused"):
        checked_vector(vector, 2)


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_a_vector_too_long_or_short_to_square_passes(size: float) -> None:
    """Numbers whose squares leave the range of float32 are still a direction."""
    vector = np.full(2, size, dtype=np.float32)
    assert np.array_equal(checked_vector(vector, 2), vector)


def test_a_list_is_a_vector_too() -> None:
    """Numbers in a list come back as float32."""
    assert checked_vector([3, 4.0], 2).dtype == np.float32


def test_lowest_label_wins() -> None:
    """A context is as good as its worst chunk, and an empty one proves nothing."""
    assert lowest_integrity([Integrity.TRUSTED, Integrity.UNTRUSTED]) is Integrity.UNTRUSTED
    assert lowest_integrity([]) is Integrity.UNVERIFIED
