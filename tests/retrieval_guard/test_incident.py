"""An answer is traced to its batches, and a source to the answers that it touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.ingest.provenance import ChunkVerifier, SourceAdmin
from ragbastion.policies import AuditLog
from ragbastion.retrieval_guard.incident import blast, trace

from .conftest import COLLECTION, World, context


@pytest.fixture
def verifier(world: World) -> Iterator[ChunkVerifier]:
    """A verifier of the world's state folder."""
    with closing(ChunkVerifier(world.guard.settings.state_dir)) as verifier:
        yield verifier


def _answer(world: World, text: str = "When is soup served?") -> str:
    return world.guard.retrieve(text, context(), collection=COLLECTION).answer_id


def test_an_answer_is_traced_to_its_batches(world: World, verifier: ChunkVerifier) -> None:
    """Passage, document, version and the batch that vouches for it, with what it says."""
    chunk = world.plant("Soup is served at noon.", document="menu.md")
    found = trace(world.guard.audit, verifier, _answer(world))
    [row], [batch] = found.served, found.batches
    assert (row["id"], row["source"], row["document"], row["digest"]) == (
        chunk.id,
        "handbook",
        "menu.md",
        chunk.document_digest,
    )
    assert (row["envelope"], row["integrity"]) == (batch.envelope, "trusted")
    assert (batch.now, batch.statement["source"]) == ("trusted", "handbook")


def test_a_trace_says_what_a_batch_is_worth_now(world: World, verifier: ChunkVerifier) -> None:
    """A source that was revoked since shows as such, with what the answer was told then."""
    world.plant("Soup is served at noon.")
    answer = _answer(world)
    SourceAdmin(world.guard.settings.state_dir, MemoryEventSink(), principal="root").revoke_source(
        "acme", "handbook", "poisoned"
    )
    found = trace(world.guard.audit, verifier, answer)
    assert found.served[0]["integrity"] == "trusted"
    assert "revoked" in found.batches[0].now


def test_no_text_stands_in_the_event(world: World, verifier: ChunkVerifier) -> None:
    """A trace names and never quotes."""
    world.plant("Soup is served at noon.")
    told = json.dumps(trace(world.guard.audit, verifier, _answer(world)).as_dict())
    assert "noon" not in told


def test_an_unknown_answer_is_refused(world: World, verifier: ChunkVerifier) -> None:
    """Whatever characters its id has."""
    for name in ("nobody", 'a"b', "%", "\ud800"):
        with pytest.raises(UsageError, match="no such answer"):
            trace(world.guard.audit, verifier, name)


def test_a_source_is_found_in_what_it_fed(world: World) -> None:
    """Answers that hold another source only are not among them."""
    world.plant("Soup is served at noon.", source="menu")
    touched = _answer(world)
    world.plant("Parking is in the north yard.", source="yard", tenant="globex")
    world.guard.retrieve("Where do I park?", context("globex"), collection=COLLECTION)
    [found] = blast(world.guard.audit, "menu")
    assert found.as_dict()["answer_id"] == touched
    assert found.as_dict()["documents"] == {"doc.md": 1}


def test_a_source_that_was_only_dropped_touched_nothing(world: World) -> None:
    """What verification refused never reached the answer."""
    chunk = world.plant("Soup is served at noon.", source="menu")
    world.tamper(chunk, text="Soup is never served.")
    _answer(world)
    assert list(blast(world.guard.audit, "menu")) == []


def test_a_blast_keeps_to_tenant_and_time(world: World) -> None:
    """Two tenants may have sources of one name."""
    for tenant in ("acme", "globex"):
        world.plant("Soup is served at noon.", source="menu", tenant=tenant)
        world.guard.retrieve("When is soup?", context(tenant), collection=COLLECTION)
    audit = world.guard.audit
    assert [each.event["tenant"] for each in blast(audit, "menu")] == ["acme", "globex"]
    assert [each.event["tenant"] for each in blast(audit, "menu", tenant="acme")] == ["acme"]
    assert list(blast(audit, "menu", since=2**40)) == []


def test_two_hundred_passages_are_all_found(world: World) -> None:
    """The audit log cuts long lists, and no passage may be lost by it."""
    from ragbastion.retrieval_guard.record import _pages

    rows = [{"id": str(at), "source": "menu"} for at in range(200)]
    audit: AuditLog = world.guard.audit
    audit.emit(
        Event(
            kind="retrieve",
            tenant="acme",
            subject="a1",
            outcome="allow",
            detail={"served": _pages(rows)},
        )
    )
    [found] = blast(audit, "menu")
    assert len(found.served) == 200


def test_an_answer_of_before_gives_its_ids(world: World, verifier: ChunkVerifier) -> None:
    """Events of an earlier release name passages only by id."""
    world.guard.audit.emit(
        Event(
            kind="retrieve",
            tenant="acme",
            subject="old",
            outcome="allow",
            detail={"chunks": ["c1"]},
        )
    )
    assert trace(world.guard.audit, verifier, "old").served == ({"id": "c1"},)
