"""The certificate states a bound, and the selection keeps it."""

from __future__ import annotations

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.retrieval_guard import Certificate


@pytest.mark.parametrize(
    ("k", "cap", "bad", "bound"),
    [(5, 2, 0, 0), (5, 2, 1, 2), (5, 2, 2, 4), (5, 2, 3, 5), (5, None, 1, 5), (5, None, 0, 0),
     (0, 2, 1, 0), (1, 2, 1, 1)],
)  # fmt: skip
def test_bound(k: int, cap: int | None, bad: int, bound: int) -> None:
    """At most cap times bad sources of k, and all of them without a cap."""
    assert Certificate(k=k, source_cap=cap, sources=9).max_poison(bad) == bound


@pytest.mark.parametrize(
    ("k", "cap", "needed"), [(5, 2, 2), (5, 1, 3), (4, 2, 2), (3, 1, 2), (5, None, 1), (0, 2, None)]
)
def test_bad_sources_for_a_majority(k: int, cap: int | None, needed: int | None) -> None:
    """So many bad sources, and no fewer, can write more than half."""
    certificate = Certificate(k=k, source_cap=cap, sources=9)
    assert certificate.bad_sources_for_majority == needed
    if needed is not None:
        assert certificate.max_poison(needed) * 2 > k
        assert certificate.max_poison(needed - 1) * 2 <= k


def test_a_single_source_is_said_to_be_one() -> None:
    """Without a second source the statement promises nothing."""
    assert Certificate(k=5, source_cap=None, sources=1).statement.startswith("single source")


@pytest.mark.parametrize(
    ("established", "new", "unverified", "bound"),
    [(0, 0, False, 0), (1, 0, False, 3), (0, 1, False, 2), (0, 9, False, 2), (1, 1, False, 4),
     (2, 0, False, 4), (2, 2, True, 6), (0, 0, True, 1), (9, 9, True, 6)],
)  # fmt: skip
def test_bound_of_what_was_served(established: int, new: int, unverified: bool, bound: int) -> None:
    """The largest voices are taken for the bad ones; a flagged chunk may be of any of them."""
    served = Certificate(
        k=6, source_cap=2, sources=9, established=(2, 1), probation=2, flagged=1, unverified=1
    )
    assert served.bound(established=established, new=new, unverified=unverified) == bound


def test_the_worst_split_is_certified() -> None:
    """One bad source may be any; two are worst as a large voice and the pool of new ones."""
    served = Certificate(k=5, source_cap=2, sources=9, established=(2, 1), probation=2)
    assert [served.max_poison(bad) for bad in range(4)] == [0, 2, 4, 5]
    assert served.bad_sources_for_majority == 2


def test_cold_start_and_nothing_are_said() -> None:
    """A young collection, and an empty answer, are named."""
    young = Certificate(k=1, source_cap=2, sources=3, established=(1,), cold_start=True)
    assert "cold start" in young.statement
    assert young.as_dict()["cold_start"] is True
    nothing = Certificate(k=0, source_cap=None, sources=0)
    assert (nothing.statement, nothing.single_voice) == ("nothing is served", False)


def test_flagged_passages_are_said_to_count_apart() -> None:
    """One source may have written two for its cap, and what was flagged of it besides."""
    served = Certificate(k=5, source_cap=2, sources=9, established=(2, 1), probation=1, flagged=1)
    assert served.bound(established=1) == 3
    assert "and 1 that ingestion flagged count apart" in served.statement


def test_negative_counts_are_refused() -> None:
    """There is no such thing as minus one bad source."""
    with pytest.raises(UsageError):
        Certificate(k=5, source_cap=2, sources=3).max_poison(-1)
