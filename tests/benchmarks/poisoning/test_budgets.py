"""What each budget buys: documents, sources, their age, and the days on which they come."""

import pytest
from ragbastion.benchmarks.poisoning.budgets import Budget, applies, deliveries
from ragbastion.benchmarks.poisoning.families import Attack
from ragbastion.benchmarks.poisoning.world import AGED, TODAY

FIVE = Attack(texts=("a", "b", "c", "d", "e"), questions=("q",))
BOUGHT = {
    Budget.ONE_DOC: (1, 1, 1, TODAY),
    Budget.ONE_SOURCE: (5, 1, 1, TODAY),
    Budget.SYBIL: (5, 5, 5, TODAY),
    Budget.DRIP: (5, 1, 5, AGED),
    Budget.SYBIL_AGED: (5, 5, 5, AGED),
}


@pytest.mark.parametrize("budget", Budget)
def test_a_budget_buys_what_it_says(budget: Budget) -> None:
    """Documents, sources, batches, and the day that opened the sources."""
    found = deliveries(FIVE, budget)
    docs = [doc for delivery in found for doc in delivery.docs]
    sources = {doc.party.name for doc in docs}
    opened = {doc.party.opened for doc in docs}
    assert (len(docs), len(sources), len(found), *opened) == BOUGHT[budget]
    assert all(doc.poison for doc in docs)
    assert len({doc.id for doc in docs}) == len(docs)


def test_a_drip_comes_a_day_apart_and_ends_today() -> None:
    """Five days running."""
    days = [delivery.day for delivery in deliveries(FIVE, Budget.DRIP)]
    assert days == [TODAY - 4, TODAY - 3, TODAY - 2, TODAY - 1, TODAY]


def test_aged_sources_are_no_newcomers() -> None:
    """Only those of today are."""
    news = {
        budget: deliveries(FIVE, budget)[0].docs[0].party.new
        for budget in (Budget.SYBIL, Budget.SYBIL_AGED)
    }
    assert news == {Budget.SYBIL: True, Budget.SYBIL_AGED: False}


def test_one_text_makes_one_budget() -> None:
    """Five documents cannot be had of one text."""
    single = [Attack(texts=("a",), questions=("q",))]
    assert [budget for budget in Budget if applies(single, budget)] == [Budget.ONE_DOC]
    assert all(applies([FIVE], budget) for budget in Budget)
