"""Who a source is, as the registry has it, and what that makes of an answer."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ragbastion.core.chunk import Integrity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_retrieval import RetrievalSettings
from ragbastion.ingest.provenance import ChunkVerifier, SourceRecord
from ragbastion.ingest.provenance.source_admin import SourceAdmin
from ragbastion.retrieval_guard import Retrieval
from ragbastion.retrieval_guard.standings import Standings

from .conftest import COLLECTION, World, context

DAY = 86_400.0
TRUTH = "The fair of 1893 was held in Chicago."
ASK = "When was the fair held in Chicago?"


def age(world: World, days: float, source: str | None = None) -> None:
    """Make the collection, or one source of it, older than it is."""
    with closing(sqlite3.connect(world.guard.settings.state_dir / "provenance.db")) as database:
        if source is None:
            database.execute("UPDATE envelopes SET created_at = created_at - ?", (days * DAY,))
        database.execute(
            "UPDATE sources SET created_at = created_at - ? WHERE source = ? OR ? IS NULL",
            (days * DAY, source, source),
        )
        database.commit()


def standings(world: World, **settings: Any) -> Standings:
    """Return standings as the guard reads them."""
    verifier = ChunkVerifier(Path(world.guard.settings.state_dir))
    return Standings(verifier, RetrievalSettings(**settings))


def old_collection(world: World) -> None:
    """Plant two sources, and let a year pass."""
    world.plant(TRUTH, source="archive")
    world.plant("Chicago held the fair in 1893, in May.", source="city")
    age(world, 365)


def ask(world: World) -> Retrieval:
    """Ask as an agent."""
    return world.guard.retrieve(ASK, context())


def uid(world: World) -> str:
    """Return the collection's uid."""
    return world.guard.store.collection(COLLECTION).uid


def test_a_new_source_is_in_probation(world: World) -> None:
    """What it alone says is not served, the answer says why, and the certificate counts it."""
    old_collection(world)
    lie = world.plant("The fair of 1999 was held in Chicago.", source="newcomer")
    answer = ask(world)
    assert {chunk.source for chunk in answer.chunks} == {"archive", "city"}
    assert [(drop.id, drop.step) for drop in answer.dropped] == [(lie.id, "probation")]
    assert (answer.certificate.probation, answer.certificate.cold_start) == (0, False)
    assert answer.certificate.established == (1, 1)


def test_a_source_that_repeats_the_established_is_served_and_marked(world: World) -> None:
    """Probation is no silence about what others say too."""
    world.plant(TRUTH, source="archive")
    world.plant("Refunds are paid in May.", source="desk")
    age(world, 365)
    world.plant("In Chicago the fair of 1893 was held.", source="newcomer")
    [served] = [chunk for chunk in ask(world).chunks if chunk.source == "newcomer"]
    assert (served.voice, "probation" in served.marks) == ("probation", True)


def test_age_ends_probation(world: World) -> None:
    """A week later the source has a voice of its own."""
    old_collection(world)
    world.plant("The fair of 1999 was held in Chicago.", source="newcomer")
    age(world, 8, "newcomer")
    assert "established:newcomer" in {chunk.voice for chunk in ask(world).chunks}


def test_a_persons_word_ends_probation(world: World) -> None:
    """A source that somebody vouches for is established at the next query."""
    old_collection(world)
    world.plant("The fair of 1999 was held in Chicago.", source="newcomer")
    before = ask(world)
    admin = SourceAdmin(world.guard.settings.state_dir, MemoryEventSink(), principal="ada")
    vouched = admin.vouch(admin.known("acme", "newcomer"))
    admin.close()
    assert "newcomer" not in {chunk.source for chunk in before.chunks}
    assert vouched.opened_by == "ada"
    assert "newcomer" in {chunk.source for chunk in ask(world).chunks}


def test_a_young_collection_is_said_to_be_one(world: World) -> None:
    """In its first days nobody is older than anybody: a cold start."""
    world.plant(TRUTH, source="archive")
    world.plant("The fair of 1999 was held in Chicago.", source="newcomer")
    answer = ask(world)
    assert {chunk.voice for chunk in answer.chunks} == {
        "established:archive",
        "established:newcomer",
    }
    assert answer.certificate.cold_start
    assert "cold start" in answer.certificate.statement


@pytest.mark.parametrize("signals", [["swapped_fact"], "blind_vector,swapped_fact"])
def test_a_flagged_chunk_is_in_probation(world: World, signals: list[str] | str) -> None:
    """Signals that ingestion signed into a chunk, as a list or a text, cost its source's voice."""
    old_collection(world)
    flagged = world.plant(
        "The fair of 1999 was held in Chicago.",
        source="archive",
        metadata={"signals": signals},
    )
    verified = replace(flagged, integrity=Integrity.TRUSTED)
    told = standings(world).of(verified).signals
    assert (len(told), told[-1]) == (1 if isinstance(signals, list) else 2, "swapped_fact")
    assert (flagged.id, "probation") in {(drop.id, drop.step) for drop in ask(world).dropped}


def test_sources_of_one_owner_are_one_voice(world: World) -> None:
    """Two sources of an owner give together what one may."""
    old_collection(world)
    admin = SourceAdmin(world.guard.settings.state_dir, MemoryEventSink(), principal="ada")
    for name in ("one", "two"):
        admin.open(SourceRecord(tenant="acme", source=name, owner="Bob"))
    admin.close()
    for at, name in enumerate(("one", "two", "one", "two")):
        world.plant(f"The fair held in Chicago, note {at} {at * 7919}.", source=name)
    answer = ask(world)
    assert sum(chunk.voice == "established:one" for chunk in answer.chunks) == 2


def test_a_source_that_is_gone_stands_as_new(world: World) -> None:
    """A chunk whose source the registry has lost is not established."""
    old_collection(world)
    chunk = world.planted[0]
    with closing(sqlite3.connect(world.guard.settings.state_dir / "provenance.db")) as database:
        database.execute("DELETE FROM sources WHERE source = 'archive'")
        database.commit()
    reader = standings(world)
    unproved = reader.of(chunk)
    facts = reader.facts("acme", uid(world))
    assert not unproved.verified
    assert (facts.sources, facts.established) == (2, 1)


def test_a_clock_that_ran_back_makes_sources_new(world: World) -> None:
    """Seen from before they were opened, all sources are in probation."""
    old_collection(world)
    verifier = ChunkVerifier(Path(world.guard.settings.state_dir))
    early = Standings(verifier, RetrievalSettings(), clock=lambda: time.time() - 2 * 365 * DAY)
    assert early.facts("acme", uid(world)).established == 0


def test_facts_follow_the_registry_and_the_minute(world: World) -> None:
    """Facts are kept while nothing changes, and read again when something does or time passes."""
    old_collection(world)
    now = [time.time()]
    verifier = ChunkVerifier(Path(world.guard.settings.state_dir))
    reader = Standings(verifier, RetrievalSettings(), clock=lambda: now[0])
    first = reader.facts("acme", uid(world))
    assert reader.facts("acme", uid(world)) is first
    world.plant("News of the fair.", source="newcomer")
    second = reader.facts("acme", uid(world))
    now[0] += 8 * DAY
    third = reader.facts("acme", uid(world))
    assert [each.established for each in (first, second, third)] == [2, 2, 3]
    assert [each.sources for each in (first, second, third)] == [2, 3, 3]


def test_a_revoked_source_is_nobodys_second_voice(world: World) -> None:
    """With one voice left no cap applies, and the certificate says so."""
    old_collection(world)
    admin = SourceAdmin(world.guard.settings.state_dir, MemoryEventSink(), principal="ada")
    admin.revoke_source("acme", "city", "sold")
    admin.close()
    answer = ask(world)
    assert {chunk.source for chunk in answer.chunks} == {"archive"}
    assert answer.certificate.single_voice


def test_a_dispute_tells_values_as_they_are_served(world: World) -> None:
    """Both voices are named; what is masked in a passage is not told beside it."""
    world.plant(
        "The fair of Chicago paid its many builders, SSN 219-09-9999, for all of their work.",
        source="archive",
    )
    world.plant(
        "The fair of Chicago paid its many builders, SSN 536-22-8888, for all of their work.",
        source="city",
    )
    answer = world.guard.retrieve("How much has the fair of Chicago paid for it?", context())
    [dispute] = answer.conflicts
    told = json.dumps(answer.as_dict())
    assert dispute.kind == "number"
    assert {side.voice for side in dispute.sides} == {"established:archive", "established:city"}
    assert all("conflict" in chunk.marks for chunk in answer.chunks)
    assert [side.values for side in dispute.sides] == [(), ()]
    assert not any(number in told for number in ("219-09-9999", "536-22-8888"))


def test_marks_reach_the_context(world: World) -> None:
    """A model, and a person who reads its prompt, sees which answer stands alone."""
    world.plant("The fair of 1893 was held in Chicago.", source="archive")
    world.plant("Refunds are paid in May.", source="desk")
    assert "marks=lone>>>" in ask(world).context


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_dropped(world: World, score: float) -> None:
    """A search that cannot rank a hit does not have it served."""
    from ragbastion.core.store import Hit

    point = world.point(world.plant(TRUTH))
    guard = world.guard._parts.retrieval()
    info = world.guard.store.collection(COLLECTION)
    answer = guard.guard(ASK, [Hit(point=point, score=score)], context(), info)
    assert (answer.chunks, [drop.step for drop in answer.dropped]) == ((), ["verify"])
