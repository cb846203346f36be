"""Who counts as one, and since when a source stands on its own."""

from __future__ import annotations

import math

import pytest
from ragbastion.core.settings_retrieval import RetrievalSettings
from ragbastion.retrieval_guard import CollectionFacts, Standing
from ragbastion.retrieval_guard.corroboration import (
    PROBATION,
    UNVERIFIED,
    count_established,
    voices_of,
)

from .cases import FACTS, NEW, NOW

DAY = 86_400.0
SETTINGS = RetrievalSettings()


def groups(*standings: Standing) -> list[int]:
    """Return for each standing the first position with the same voice."""
    voices = voices_of(standings, FACTS, SETTINGS)
    return [voices.index(each) for each in voices]


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([Standing("a"), Standing("b"), Standing("a")], [0, 1, 0]),
        ([Standing("a", owner="Ada  Byron"), Standing("b", owner="ada byron")], [0, 0]),
        ([Standing("a", domain="x.org"), Standing("b", domain="x.org y.org")], [0, 0]),
        ([Standing("a", domain="x.org"), Standing("b", domain="news.X.org.")], [0, 0]),
        ([Standing("a", domain="x.org"), Standing("b", domain="prefix-x.org")], [0, 1]),
        (
            [Standing("a", owner="o"), Standing("b", owner="o", domain="x.org"),
             Standing("c", domain="x.org")],
            [0, 0, 0],
        ),
        ([Standing("a", opened_at=NEW), Standing("b", opened_at=NEW)], [0, 0]),
        ([Standing("a"), Standing("b", owner="")], [0, 1]),
    ],
)  # fmt: skip
def test_sources_of_one_hand_are_one_voice(standings: list[Standing], expected: list[int]) -> None:
    """A shared owner or domain joins sources, also over a third; newness joins all."""
    assert groups(*standings) == expected


@pytest.mark.parametrize(
    ("standing", "established"),
    [
        (Standing("founding", opened_at=3 * DAY), True),
        (Standing("aged", opened_at=NOW - 8 * DAY), True),
        (Standing("new", opened_at=NOW - 6 * DAY), False),
        (Standing("just now", opened_at=NOW), False),
        (Standing("from the future", opened_at=NOW + 1), False),
        (Standing("vouched for", opened_at=NOW, vouched=True), True),
        (Standing("gone", opened_at=math.inf), False),
        (Standing("broken", opened_at=math.nan), False),
        (Standing("flagged", signals=("outlier.echo",)), False),
        (Standing("vouched and flagged", vouched=True, signals=("s",)), False),
    ],
)
def test_standing(standing: Standing, established: bool) -> None:
    """Age, founding or a person's word gives a source a voice; a signal takes it away."""
    [voice] = voices_of([standing], FACTS, SETTINGS)
    assert (voice.established, voice == PROBATION) == (established, not established)


def test_a_founding_source_outlives_a_small_step_of_the_clock() -> None:
    """A step back of a second costs nobody his voice; a day does, and says so by silence."""
    young = Standing("a", opened_at=100.0)
    stepped = CollectionFacts(now=99.0, founded=100.0)
    turned = CollectionFacts(now=100.0 - DAY, founded=100.0)
    assert voices_of([young], stepped, SETTINGS)[0].established
    assert voices_of([young], turned, SETTINGS) == [PROBATION]


def test_without_a_founding_only_age_counts() -> None:
    """Where nothing is known of the collection, a source must be older than the probation."""
    facts = CollectionFacts(now=NOW)
    assert voices_of([Standing("a"), Standing("b", opened_at=NEW)], facts, SETTINGS)[1] == PROBATION


def test_no_probation_if_it_lasts_no_time() -> None:
    """With probation_days 0 every source stands on its own at once."""
    settings = RetrievalSettings(probation_days=0)
    assert voices_of([Standing("a", opened_at=NOW)], FACTS, settings)[0].established


def test_unproved_passages_are_one_voice() -> None:
    """Whatever they call themselves."""
    standings = [Standing(name, verified=False) for name in "ab"]
    assert voices_of(standings, FACTS, SETTINGS) == [UNVERIFIED, UNVERIFIED]


def test_established_voices_are_counted_once_a_hand() -> None:
    """Two sources of an owner and one in probation are one voice."""
    standings = [Standing("a", owner="o"), Standing("b", owner="o"), Standing("c", opened_at=NEW)]
    assert count_established(standings, FACTS, SETTINGS) == 1


def test_without_founding_days_only_a_person_or_age_establishes() -> None:
    """With founding_days 0 the first sources of a collection are in probation too."""
    settings = RetrievalSettings(founding_days=0)
    facts = CollectionFacts(now=DAY, founded=0.0)
    standings = [Standing("first", opened_at=0.0), Standing("named", opened_at=0.0, vouched=True)]
    assert [each.established for each in voices_of(standings, facts, settings)] == [False, True]
