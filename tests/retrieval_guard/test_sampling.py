"""Samples are drawn without bias, and what they are worth is told as it is."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import UsageError
from ragbastion.retrieval_guard.sampling import (
    Reservoir,
    SampleSize,
    findable_share,
    largest_bad_count,
)


def _drawn(size: int, of: int, seed: int | None) -> list[int]:
    reservoir: Reservoir[int] = Reservoir(size, seed)
    for each in range(of):
        reservoir.offer(each)
    return reservoir.drawn()


@pytest.mark.parametrize(
    ("text", "population", "count"),
    [
        ("200", 1000, 200),
        ("5%", 1000, 50),
        ("5%", 3, 1),
        ("0.5%", 1000, 5),
        ("0.1%", 1001, 2),
        ("100%", 7, 7),
        ("all", 7, 7),
        (" all ", 0, 0),
    ],
)
def test_sizes_are_counts_and_shares(text: str, population: int, count: int) -> None:
    """A share is rounded up, so that one of few is still one."""
    assert SampleSize.parse(text).of(population) == count


@pytest.mark.parametrize(
    "text",
    ["", "0", "0%", "0.0%", "-5", "-5%", "101%", "100.1%", "1e3", "5.5", "nan", "half", "%", "٣",
     "5 %", "all%", "9" * 5000, "200\x1b[2J"],
)  # fmt: skip
def test_what_is_no_size_is_refused(text: str) -> None:
    """Clearly, and without echoing control characters or all of it."""
    with pytest.raises(UsageError, match="refused") as refused:
        SampleSize.parse(text)
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("fields", [{}, {"count": 1, "share": 1}])
def test_a_size_is_one_thing(fields: dict[str, int]) -> None:
    """A count or a share, neither both nor none."""
    with pytest.raises(UsageError, match="either"):
        SampleSize(**fields)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 50), of=st.integers(0, 120), seed=st.integers(0, 2**32))
def test_a_seed_draws_the_same_again(size: int, of: int, seed: int) -> None:
    """As many as were asked for or there are, none twice."""
    first = _drawn(size, of, seed)
    assert first == _drawn(size, of, seed)
    assert len(set(first)) == len(first) == min(size, of)


def test_a_draw_without_a_seed_differs() -> None:
    """Two draws of ten from a thousand are the same about never, and each tells its seed."""
    one, other = Reservoir[int](10), Reservoir[int](10)
    assert one.seed != other.seed
    assert _drawn(10, 1000, None) != _drawn(10, 1000, None)


def test_every_item_is_drawn_as_often() -> None:
    """Each of 20 items in 5 of 20 samples, wherever it stands in the stream (chi-squared)."""
    draws = 8000
    counts = Counter(each for seed in range(draws) for each in _drawn(5, 20, seed))
    expected = draws / 4
    # Items of a sample depend on each other, which makes the sum smaller by (20-5)/19.
    chi_squared = sum((counts[each] - expected) ** 2 / expected for each in range(20))
    assert chi_squared < 43.8  # 19 degrees of freedom, one in a thousand


@pytest.mark.parametrize(("sampled", "near"), [(100, 0.03), (300, 0.01), (3000, 0.001)])
def test_it_is_the_rule_of_three_in_a_large_population(sampled: int, near: float) -> None:
    """Three divided by the sample."""
    found = findable_share(sampled=sampled, population=10_000_000)
    assert math.isclose(found, near, rel_tol=0.02)


def test_shares_are_exact_in_a_small_population() -> None:
    """Of 10 with 9 seen the last is missed one time in ten, so two are needed; of all, one is."""
    assert findable_share(sampled=9, population=10) == 0.2
    assert findable_share(sampled=10, population=10) == 0.1
    assert findable_share(sampled=0, population=10) == 1.0
    assert findable_share(sampled=0, population=0) == 1.0


@settings(max_examples=60, deadline=None)
@given(data=st.data(), population=st.integers(1, 60))
def test_the_bound_is_the_largest_that_fits(data: st.DataObject, population: int) -> None:
    """With so many bad ones the sample is not too rare, with one more it is: counted exactly."""
    sampled = data.draw(st.integers(1, population))
    bad = data.draw(st.integers(0, sampled))
    most = largest_bad_count(sampled=sampled, population=population, bad=bad)

    def likelihood(of: int) -> float:
        ways = sum(
            math.comb(of, each) * math.comb(population - of, sampled - each)
            for each in range(bad + 1)
        )
        return ways / math.comb(population, sampled)

    assert bad <= most <= population - sampled + bad
    assert likelihood(most) >= 0.05 - 1e-9
    if most < population - sampled + bad:
        assert likelihood(most + 1) < 0.05 + 1e-9
