"""A collection's own pairs of words count, and those of chance do not."""

from __future__ import annotations

import numpy as np
from ragbastion.ingest.signals.word_pairs import WordPairs

CHANCE = np.random.default_rng(5)


def test_a_pair_counts_from_the_third_document_on() -> None:
    """What two documents brought may be a collision; ten more make it no likelier."""
    pairs = WordPairs()
    seen = []
    for _ in range(20):
        pairs.learn(np.array([77]))
        seen.append(float(pairs.more(np.array([77]))[0]))
    assert seen[:2] == [0.0, 0.0]
    assert seen[2] > 0.0
    assert seen[12] == seen[-1]


def test_a_large_collection_makes_nothing_likely_by_chance() -> None:
    """Thousands of documents fill every cell; pairs that none of them has still count nothing."""
    pairs = WordPairs()
    own = np.array([11, 12, 13])
    for at in range(4_000):
        strange = CHANCE.integers(1_000, 50_000_000, 200)
        pairs.learn(np.concatenate([own, strange]) if at % 2 else strange)
    unseen = CHANCE.integers(50_000_000, 90_000_000, 2_000)
    assert float((pairs.more(unseen) > 0).mean()) < 0.01
    assert (pairs.more(own) > 0).tolist() == [True] * 3
