"""What a store does to a vector passes; what turns it does not, whoever picks the direction."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import Matrix
from ragbastion.core.errors import VectorError
from ragbastion.ingest.provenance.secure_sketch import (
    NORM_TOLERANCE,
    STEP_ANGLE,
    bind_vectors,
    bound_rows,
    sketch_bytes,
)
from ragbastion.ingest.provenance.sketch import _projection, flipped_bits, sketch_vectors


def _unit(count: int, dimension: int = 384, seed: int = 3) -> Matrix:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return _normalised(vectors)


def _normalised(vectors: Matrix) -> Matrix:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _turned(vectors: Matrix, radians: float, seed: int = 5) -> Matrix:
    """Turn each vector by an angle in a random direction."""
    noise = _unit(*vectors.shape, seed=seed)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    turned = np.cos(radians) * vectors + np.sin(radians) * _normalised(noise)
    return turned.astype(np.float32)


STORES = {
    "kept as it is": lambda v: v,
    "float32, scaled and normalised again": lambda v: _normalised(v * np.float32(1.37)),
    "as Python floats": lambda v: np.array(v.astype(float).tolist(), dtype=np.float32),
    "half precision": lambda v: v.astype(np.float16).astype(np.float32),
    "half precision, normalised again": lambda v: _normalised(v.astype(np.float16).astype("f4")),
    "bfloat16": lambda v: (
        (v.view(np.uint32) + 0x8000 & 0xFFFF0000).astype(np.uint32).view(np.float32)
    ),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("dimension", [8, 384, 1536])
def test_an_honest_round_trip_passes(store: str, dimension: int) -> None:
    """All of 2,000 vectors pass after what a store does to them."""
    vectors = _unit(2000, dimension)
    assert bound_rows(STORES[store](vectors), bind_vectors(vectors)) == [True] * 2000


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 64), st.floats(2**-7, 2**10, width=32), st.integers(0, 2**32 - 1))
def test_any_vector_passes_as_signed_and_as_unit(size: int, length: float, seed: int) -> None:
    """A vector of any length and dimension passes unchanged and normalised, wherever it points."""
    vectors = _unit(20, size, seed) * np.float32(length)
    sketches = bind_vectors(vectors)
    assert bound_rows(vectors, sketches) == [True] * 20
    assert bound_rows(_normalised(vectors), sketches) == [True] * 20


@pytest.mark.parametrize("degrees", [1.0, 3.0, 12.0, 90.0, 180.0])
def test_a_turned_vector_is_refused(degrees: float) -> None:
    """All of 2,000 vectors that were turned in a random direction are refused."""
    vectors = _unit(2000)
    turned = _turned(vectors, np.radians(degrees))
    assert bound_rows(turned, bind_vectors(vectors)) == [False] * 2000


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 64), st.floats(0, 0.2), st.integers(0, 2**32 - 1), st.booleans())
def test_what_passes_is_near(size: int, radians: float, seed: int, one: bool) -> None:
    """However a vector was moved, in all coordinates or in one: if it passes, it turned little."""
    vectors = _unit(20, size, seed)
    moved = _turned(vectors, radians, seed + 1)
    if one:
        moved = vectors.copy()
        moved[:, seed % size] += np.float32(radians)
    cosines = (vectors.astype(float) * _normalised(moved.astype(float))).sum(axis=1)
    passed = np.array(bound_rows(moved, bind_vectors(vectors)), dtype=bool)
    assert (np.arccos(np.clip(cosines, -1, 1))[passed] <= 1.5 * STEP_ANGLE).all()


def test_a_vector_with_other_neighbours_is_refused() -> None:
    """Among 1,000 vectors in crowds: a move that changes even two of ten neighbours is refused."""
    crowds = np.repeat(_unit(20, 64, 7), 50, axis=0)
    vectors = _normalised(crowds + np.float32(0.8) * _unit(1000, 64, 8))
    sketches, before = bind_vectors(vectors), _nearest(vectors, vectors)
    changed_any = 0
    for degrees in (0.2, 0.5, 1, 2, 5, 10, 30):
        moved = _turned(vectors, np.radians(degrees))
        after = _nearest(vectors, moved)
        changed = [len(old - new) >= 2 for old, new in zip(before, after, strict=True)]
        passed = bound_rows(moved, sketches)
        changed_any += sum(changed)
        assert not any(p and c for p, c in zip(passed, changed, strict=True))
    assert changed_any > 1000


def _nearest(vectors: Matrix, queries: Matrix) -> list[set[int]]:
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -2)
    return [set(row) for row in np.argpartition(-scores, 10, axis=1)[:, :10].tolist()]


def test_no_attacker_turns_a_vector_far() -> None:
    """Pushed towards a target as far as the grid lets it, a vector passes within its bound only."""
    vectors, target = _unit(200), _unit(1, seed=9)
    sketches = bind_vectors(vectors)
    step = STEP_ANGLE / np.sqrt(384)
    pushed = np.rint(vectors / step) * step + 0.97 * step * np.sign(target)
    within = bound_rows(pushed.astype(np.float32), sketches)
    angles = np.arccos(np.sum(vectors * _normalised(pushed), axis=1))
    assert np.max(angles[np.array(within, dtype=bool)], initial=0) <= 1.5 * STEP_ANGLE
    beyond = np.rint(vectors / step) * step + 1.2 * step * np.sign(target)
    assert bound_rows(beyond.astype(np.float32), sketches) == [False] * 200


def test_the_null_space_of_version_1_is_closed() -> None:
    """A vector turned by 45 degrees where the signs of version 1 see nothing is refused."""
    vectors = _unit(20)
    _, _, rows = np.linalg.svd(_projection(384).T.astype(np.float64))
    blind = rows[256:]
    moved = vectors + (_unit(20, seed=9) @ blind.T @ blind * 1.8).astype(np.float32)
    cosines = (vectors * _normalised(moved)).sum(axis=1)
    assert cosines.max() < 0.75
    assert flipped_bits(sketch_vectors(vectors), sketch_vectors(moved)).max() <= 2
    assert bound_rows(moved, bind_vectors(vectors)) == [False] * 20


@pytest.mark.parametrize("factor", [1 + 2 * NORM_TOLERANCE, 0.9, 100.0, 1e-3, -1.0])
def test_a_scaled_vector_is_refused(factor: float) -> None:
    """Length decides where vectors are compared by dot product, so it is bound as well."""
    vectors = _unit(5)
    assert bound_rows(vectors * np.float32(factor), bind_vectors(vectors)) == [False] * 5


def test_any_flipped_bit_of_a_sketch_is_refused() -> None:
    """Digest and parities: none of their bits may change."""
    [vector], [sketch] = _unit(1), bind_vectors(_unit(1))
    for at in range(32, len(sketch) * 8):
        changed = bytearray(sketch)
        changed[at // 8] ^= 1 << at % 8
        assert bound_rows(vector[None, :], [bytes(changed)]) == [False]


def test_one_swapped_pair_of_coordinates_is_refused() -> None:
    """A permutation keeps the length and every value, and is still another vector."""
    vectors = _unit(50)
    swapped = vectors.copy()
    order = np.argsort(vectors[0])
    swapped[:, [order[0], order[-1]]] = vectors[:, [order[-1], order[0]]]
    assert bound_rows(swapped, bind_vectors(vectors))[0] is False


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e30])
def test_a_vector_without_direction_is_not_signed(value: float) -> None:
    """Zero, NaN, infinity, and lengths beyond float32."""
    vectors = np.full((1, 8), value, dtype=np.float32)
    with pytest.raises(VectorError, match="cannot be signed"):
        bind_vectors(vectors)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e30])
def test_a_vector_without_direction_is_unusable(value: float) -> None:
    """Its neighbours in the call are judged all the same."""
    vectors = _unit(3, 8)
    sketches = bind_vectors(vectors)
    vectors[1] = value
    assert bound_rows(vectors, sketches) == [True, None, True]


def test_sketch_is_the_same_everywhere() -> None:
    """Norm, digest and parities of a vector whose coordinates are exact in float32."""
    [sketch] = bind_vectors(np.array([[0.5, -0.5, 0.5, 0.5]], dtype=np.float32))
    grid = struct.pack("<4h", 25, -25, 25, 25)
    digest = hashlib.sha256(b"ragbastion/vector/v2\x00" + b"\x00\x00\x00\x04" + grid).digest()
    assert sketch == bytes.fromhex("3f800000") + digest[:16] + bytes.fromhex("f0")
    assert len(sketch) == sketch_bytes(4)
