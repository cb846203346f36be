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


def test_negative_counts_are_refused() -> None:
    """There is no such thing as minus one bad source."""
    with pytest.raises(UsageError):
        Certificate(k=5, source_cap=2, sources=3).max_poison(-1)
