"""The figures on cases that can be counted by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.benchmarks.poisoning import metrics


def test_exposure_is_the_share_of_what_is_served() -> None:
    """One of two served is a half, not a fifth; an empty context holds no poison."""
    assert metrics.exposure([1, 0, 0], [2, 5, 0]) == pytest.approx(1 / 6)


def test_any_poison_counts_questions() -> None:
    """Two of four."""
    assert metrics.any_poison([0, 1, 5, 0]) == 0.5


@pytest.mark.parametrize(("poison", "served", "share"), [(2, 5, 0.0), (3, 5, 1.0), (2, 4, 0.0)])
def test_a_majority_is_more_than_half(poison: int, served: int, share: float) -> None:
    """Half of the context is no majority."""
    assert metrics.majority([poison], [served]) == share


def test_gold_kept_is_over_all_passages() -> None:
    """Three of four passages, however they spread over questions; nothing of nothing."""
    assert metrics.kept([3, 0], [3, 1]) == 0.75
    assert metrics.kept([0], [0]) is None


def test_an_interval_holds_the_mean_and_is_seeded() -> None:
    """The same seed draws the same; a sure thing has no width."""
    values = [0.0] * 30 + [1.0] * 10
    low, high = metrics.interval(values, 7) or (1.0, 0.0)
    assert low < 0.25 < high
    assert metrics.interval(values, 7) == (low, high)
    assert metrics.interval([1.0] * 5, 7) == (1.0, 1.0)
    assert metrics.interval([], 7) is None


def test_questions_are_drawn_with_their_passages() -> None:
    """A ratio's interval keeps each question's parts and wholes together."""
    assert metrics.ratio_interval([2, 4], [4, 8], 7) == (0.5, 0.5)
    assert metrics.ratio_interval([0, 0], [0, 0], 7) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_figures_are_ordered(pairs: list[tuple[int, int]]) -> None:
    """A majority is exposed, and exposure is never above the share with any poison."""
    served = [max(pair) for pair in pairs]
    poison = [min(pair) for pair in pairs]
    exposed = metrics.exposure(poison, served)
    assert exposed <= metrics.any_poison(poison) + 1e-12
    assert metrics.majority(poison, served) <= metrics.any_poison(poison)
    assert 0.0 <= exposed <= 1.0


def test_means_and_worst_skip_what_is_not_known() -> None:
    """A family without gold counts in no mean."""
    assert metrics.mean([None, 1.0, 0.5]) == 0.75
    assert metrics.worst([None, 1.0, 0.5]) == 1.0
    assert metrics.worst([None, 1.0, 0.5], lowest=True) == 0.5
    assert (metrics.mean([None]), metrics.worst([])) == (None, None)
