"""Who is new at ingestion: by age, by when the collection began, and not by a person's word."""

from __future__ import annotations

import pytest
from ragbastion.core.chunk import TenantId
from ragbastion.ingest.probation import DAY_S, Probation
from ragbastion.ingest.provenance.source_records import SourceRecord

NOW = 400 * DAY_S


def record(name: str, age_days: float, opened_by: str = "") -> SourceRecord:
    """Return a source of that age."""
    return SourceRecord(
        tenant=TenantId("acme"),
        source=name,
        opened_at=NOW - age_days * DAY_S,
        opened_by=opened_by,
    )


def covers(*records: SourceRecord, founded: float | None = 0.0, founding_days: float = 7) -> bool:
    """Tell whether the source x is in probation of seven days."""
    probation = Probation(records, 7, founded=founded, founding_days=founding_days)
    return probation.covers("x", NOW)


@pytest.mark.parametrize(
    ("age", "new"), [(0, True), (6.99, True), (7, False), (300, False), (-0.01, True), (-40, True)]
)
def test_a_source_is_new_for_seven_days(age: float, new: bool) -> None:
    """To the day; one that was opened in the future is new until the clock has passed it."""
    assert covers(record("x", age)) is new


def test_a_person_ends_it() -> None:
    """Whoever opens a source vouches for it."""
    assert not covers(record("x", 0, opened_by="ada"))


def test_a_source_that_nobody_has_seen_is_new() -> None:
    """It is opened by the document that is looked at."""
    assert covers(record("old", 300))


def test_the_first_to_come_by_itself_is_new_where_all_others_are_vouched_for() -> None:
    """Vouching for all one has must not make a founder of the first stranger."""
    known = [record(name, 300, opened_by="ada") for name in "abc"]
    assert covers(*known)
    assert covers(*known, record("x", 1))


@pytest.mark.parametrize(("founded_days_ago", "new"), [(3, False), (7, False), (7.01, True)])
def test_founding_sources_are_not_new(founded_days_ago: float, new: bool) -> None:
    """Those opened within founding_days of the collection's first passage."""
    assert covers(founded=NOW - founded_days_ago * DAY_S) is new


def test_nobody_is_new_in_an_empty_collection() -> None:
    """A cold start flags no source for being there."""
    assert not covers(founded=None)


@pytest.mark.parametrize("founded", [None, NOW - DAY_S])
def test_without_founding_days_nobody_founds(founded: float | None) -> None:
    """Then only those that a person opened are believed, as in retrieval."""
    assert covers(founded=founded, founding_days=0)
