"""Which sources the signals take for new."""

import math

import pytest
from ragbastion.ingest.probation import DAY_S, Probation
from ragbastion.ingest.provenance.source_records import SourceRecord

NOW = 100 * DAY_S


def record(source: str, day: float, by: str = "") -> SourceRecord:
    """Return a source that was opened on a day, by a person or by ingestion."""
    return SourceRecord(tenant="acme", source=source, opened_at=day * DAY_S, opened_by=by)


def covers(*records: SourceRecord, source: str = "feed", founding_days: float = 7.0) -> bool:
    """Tell whether a source is in probation on day 100."""
    return Probation(records, days=7.0, founding_days=founding_days).covers(source, NOW)


def test_the_first_source_of_all_is_none() -> None:
    """Nobody is older; with no founding days nobody is believed for that."""
    assert not covers()
    assert covers(founding_days=0.0)


@pytest.mark.parametrize(("day", "new"), [(92.9, False), (93.1, True), (math.inf, True)])
def test_age_ends_it(day: float, new: bool) -> None:
    """Seven days after it was opened; never if that lies in the future."""
    assert covers(record("first", 0.0), record("feed", day)) is new


def test_founding_sources_are_none() -> None:
    """Those of the first days."""
    assert not covers(record("first", 95.0), record("feed", 99.0))
    assert covers(record("first", 90.0), record("feed", 99.0))


def test_a_person_ends_it() -> None:
    """Whoever opened or vouched for a source answers for it."""
    assert not covers(record("first", 0.0), record("feed", 99.0, by="ada"))


def test_sources_that_persons_opened_are_the_first_as_well() -> None:
    """What ingestion opens long after them is no founder for being the first that it opened."""
    assert covers(record("first", 0.0, by="ada"))
    assert covers(record("first", 0.0, by="ada"), record("feed", 99.0))
