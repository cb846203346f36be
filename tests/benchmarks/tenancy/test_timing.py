"""Times are told with an interval, and never decide."""

import numpy as np
from ragbastion.benchmarks.tenancy import NAIVE
from ragbastion.benchmarks.tenancy.timing import _interval, timing_rows

from .conftest import SEED, PairOf


def test_one_row_a_method(pair_of: PairOf) -> None:
    """Medians of both ids, their ratio, and an interval around it."""
    rows = timing_rows(pair_of(NAIVE), SEED, rounds=5)
    assert [row.method for row in rows] == [
        "retrieve", "count", "query_points", "set_payload", "delete",
    ]  # fmt: skip
    for row in rows:
        assert row.ratio == row.foreign_us / row.missing_us
        assert 0 < row.low <= row.high


def test_the_interval_holds_a_ratio_and_no_other() -> None:
    """Twice as long is told from equally long by 200 calls with 10 % noise."""
    rng = np.random.default_rng(1)
    equal = rng.normal(1.0, 0.1, size=(200, 2))
    low, high = _interval(equal, rng)
    assert 0.9 < low < 1 < high < 1.1
    low, high = _interval(equal * [2.0, 1.0], rng)
    assert 1.9 < low < 2 < high < 2.1
