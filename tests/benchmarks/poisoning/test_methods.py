"""The baselines on vectors whose likeness is known."""

import math

import numpy as np
import pytest
from ragbastion.benchmarks.poisoning.caps import near_duplicate_cap, no_guard, source_cap
from ragbastion.benchmarks.poisoning.trustrag import rouge_l, stage_one, trustrag
from ragbastion.benchmarks.poisoning.world import Party

from .conftest import pool

ALIKE = [[1.0, 0.0, 0.0], [0.995, math.sqrt(1 - 0.995**2), 0.0], [0.5, 0.0, math.sqrt(0.75)]]
TEXTS = ("the tide is high today", "the tide is high again today", "bread needs flour")


def test_no_guard_serves_the_best() -> None:
    """And certifies nothing."""
    choice = no_guard(pool(ALIKE, "abc", TEXTS), 2)
    assert (choice.places, choice.certified) == ((0, 1), None)


def test_a_source_cap_takes_the_next_source() -> None:
    """Two sources, one passage each; its certificate counts sources."""
    choice = source_cap(pool(ALIKE, "aab", TEXTS), 5)
    assert choice.places == (0, 2)
    assert choice.certified is not None
    assert choice.certified([Party(name="a", opened=0)] * 5) == 1


def test_near_duplicates_are_served_once() -> None:
    """The better one."""
    assert near_duplicate_cap(pool(ALIKE, "abc", TEXTS), 5).places == (0, 2)


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [("a b c d", "a b c d", 1.0), ("a b c d", "a x c y", 0.5), ("a b", "c d", 0.0), ("", "a", 0.0)],
)
def test_rouge_l_is_the_longest_common_subsequence(one: str, other: str, score: float) -> None:
    """Twice its length over both lengths."""
    assert rouge_l(one.split(), other.split()) == score


def test_rouge_l_agrees_with_the_plain_table() -> None:
    """The bit-parallel way counts as dynamic programming does."""
    rng = np.random.default_rng(7)
    for _ in range(50):
        one, other = (list(map(str, rng.integers(0, 5, rng.integers(1, 30)))) for _ in range(2))
        table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
        for i, left in enumerate(one):
            for j, right in enumerate(other):
                same = left == right
                table[i + 1, j + 1] = (
                    table[i, j] + 1 if same else max(table[i, j + 1], table[i + 1, j])
                )
        assert rouge_l(one, other) == pytest.approx(2 * table[-1, -1] / (len(one) + len(other)))


def test_stage_one_drops_the_dense_cluster() -> None:
    """Three texts that say the same, beside two that do not."""
    near = [[1.0, 0.01 * at, 0.0, 0.0] for at in range(3)]
    far = [[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.3, 1.0]]
    texts = ["the tide is high today"] * 3 + ["bread needs flour", "ships need sails"]
    vectors = np.array([*near, *far], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert stage_one(texts, vectors) == [3, 4]


def test_stage_one_keeps_all_where_no_two_share_words() -> None:
    """The n-gram check comes first, however near the vectors are."""
    vectors = np.ones((3, 2), dtype=np.float32) / math.sqrt(2)
    assert stage_one(["tide", "flour", "sails"], vectors) == [0, 1, 2]


def test_a_pool_of_one_is_served() -> None:
    """There is nothing to compare it with."""
    assert trustrag(pool(ALIKE[:1], "a", TEXTS[:1]), 5).places == (0,)
