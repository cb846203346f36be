"""A victim's vector is rebuilt from scores where a query by its id is answered."""

import pytest
from ragbastion.benchmarks.tenancy import ASYNC_GUARDED, ASYNC_NAIVE, GUARDED, NAIVE, Subject
from ragbastion.benchmarks.tenancy.findings import Kind, Tally
from ragbastion.benchmarks.tenancy.rebuilding import attack_by_scores

from .conftest import SEED, PairOf


@pytest.mark.parametrize("subject", [NAIVE, ASYNC_NAIVE], ids=lambda subject: subject.name)
def test_a_filter_on_results_does_not_hold_it(subject: Subject, pair_of: PairOf) -> None:
    """Every victim's vector, to a cosine of 1, though only one's own points are returned."""
    tally = Tally()
    attack_by_scores(pair_of(subject), SEED, tally)
    assert tally.leaks == {"query_points": tally.calls}
    assert {finding.kind for finding in tally.findings} == {Kind.VECTOR}
    assert all("cosine 1.0000" in finding.detail for finding in tally.findings)


@pytest.mark.parametrize("subject", [GUARDED, ASYNC_GUARDED], ids=lambda subject: subject.name)
def test_the_guard_holds_it(subject: Subject, pair_of: PairOf) -> None:
    """A foreign id is an id that does not exist, as it is given and as it is stored."""
    tally = Tally()
    attack_by_scores(pair_of(subject), SEED, tally)
    assert tally.leaks == {}
    assert tally.cells["query_points"]["all"]["raised"] == tally.calls
