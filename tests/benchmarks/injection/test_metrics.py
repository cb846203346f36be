"""The figures of the benchmark, against values counted by hand."""

import math

import numpy as np
import pytest
from ragbastion.benchmarks.injection.metrics import (
    auroc,
    calibration,
    limit_for,
    mean,
    roc,
    share_at,
)

hundred = np.arange(100) / 100


@pytest.mark.parametrize(
    ("budget", "held"), [(0.0, 0), (0.001, 0), (0.01, 1), (0.019, 1), (0.05, 5), (1.0, 100)]
)
def test_a_limit_spends_the_whole_budget_and_no_more(budget: float, held: int) -> None:
    """Of a hundred clean scores, one percent is one document."""
    assert (hundred >= limit_for(hundred, budget)).sum() == held


def test_a_budget_that_floats_write_badly_is_spent() -> None:
    """0.07 of 100 is seven, though 100 * 0.07 is 7.000000000000001 and 300 * 0.01 is 3."""
    three_hundred = np.arange(300.0)
    assert (hundred >= limit_for(hundred, 0.07)).sum() == 7
    assert (three_hundred >= limit_for(three_hundred, 0.01)).sum() == 3


def test_ties_at_the_limit_are_let_through() -> None:
    """Two clean texts with the worst score cannot be told apart, so a budget of one holds none."""
    clean = np.array([0.9, 0.9, 0.1, 0.1])
    assert share_at(clean, limit_for(clean, 0.25)) == 0.0


def test_an_attack_that_ties_with_the_worst_clean_text_is_missed() -> None:
    """A limit lies above the clean score, by as little as there is."""
    clean = np.array([0.9, 0.1])
    attacks = np.array([0.9, math.nextafter(0.9, 1.0)])
    assert share_at(attacks, limit_for(clean, 0.0)) == 0.5


def test_no_clean_scores_give_no_finite_limit() -> None:
    """Nothing passes a limit that was measured on nothing."""
    assert limit_for(np.array([]), 0.01) == math.inf


def test_the_share_of_nothing_is_not_a_number() -> None:
    """No documents have no recall, rather than none found."""
    assert share_at(np.array([]), 0.5) is None


@pytest.mark.parametrize(
    ("attacks", "clean", "expected"),
    [
        ([0.9, 0.8], [0.2, 0.1], 1.0),
        ([0.1, 0.2], [0.8, 0.9], 0.0),
        ([0.9, 0.1], [0.5, 0.5], 0.5),
        ([0.5], [0.5, 0.5], 0.5),
        ([0.7, 0.5], [0.5, 0.3], 0.875),
    ],
)
def test_auroc_counts_pairs(attacks: list[float], clean: list[float], expected: float) -> None:
    """The share of pairs in the right order, ties half."""
    truth = np.array([True] * len(attacks) + [False] * len(clean))
    assert auroc(np.array(attacks + clean), truth) == expected


def test_auroc_of_one_class_is_not_known() -> None:
    """Without both classes there is no pair."""
    assert auroc(np.array([0.1, 0.9]), np.array([True, True])) is None


def test_roc_rises_from_nothing_to_everything() -> None:
    """Each distinct score is one step."""
    alarms, recall = roc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert alarms.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert recall.tolist() == [0.0, 0.5, 1.0, 1.0]


def test_a_mean_leaves_out_what_is_not_known() -> None:
    """None is no zero."""
    assert mean([1.0, None, 0.5]) == 0.75
    assert mean([None]) is None


def test_calibration_is_perfect_where_scores_are_the_truth() -> None:
    """Scores of 0 and 1 that are right have no error; 1 belongs to the last bin."""
    found = calibration(np.array([1.0, 0.0]), np.array([True, False]))
    assert (found.ece, found.brier) == (0.0, 0.0)
    assert found.bins == ((0.0, 0.5, 0.0, 0.0), (0.9, 0.5, 1.0, 1.0))


def test_calibration_error_is_weighed_by_bin() -> None:
    """Three of four at 0.75 are attacks: right; both at 0.15 are attacks: wrong by 0.85."""
    scores = np.array([0.75] * 4 + [0.15] * 2)
    truth = np.array([True, True, True, False, True, True])
    assert calibration(scores, truth).ece == pytest.approx(2 / 6 * 0.85)


def test_brier_is_the_mean_square() -> None:
    """(0.2² + 0.5²) / 2."""
    found = calibration(np.array([0.8, 0.5]), np.array([True, False]))
    assert found.brier == pytest.approx((0.04 + 0.25) / 2)


def test_a_prior_weighs_the_classes() -> None:
    """As if one in ten were an attack, a bin with one of each holds a tenth of attacks."""
    found = calibration(np.array([0.1, 0.1]), np.array([True, False]), prior=0.1)
    assert found.bins[0][3] == pytest.approx(0.1)
    assert found.ece == pytest.approx(0.0)
