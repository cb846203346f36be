"""A flood of one source's passages around a question leaves the established answer as it was."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ragbastion import Guard, Redactor, Scanner, Settings
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import Hit, StoredPoint
from ragbastion.ingest.provenance import BatchSigner, chunk_id, to_point
from ragbastion.policies import PolicyEngine
from ragbastion.retrieval_guard import GuardParts, Retrieval
from ragbastion.retrieval_guard.crowd import Crowd, depths
from ragbastion.tenancy.qdrant_store import QdrantStore

from .conftest import COLLECTION, HashingEmbedder, World, context

DAY = 86_400.0
ASK = "When was the fair held in Chicago?"
FLOOD = 1_000
HONEST = {
    "archive": "The fair of 1893 was held in Chicago.",
    "city": "Chicago held the fair in 1893, in May.",
    "museum": "A fair was held in Chicago that year, says the museum.",
    "paper": "In Chicago the great fair was opened by the president.",
    "desk": "Visitors of the fair came to Chicago by train.",
    "ferry": "Ferries left for Milwaukee every hour.",
}


@pytest.fixture(params=["edge", "qdrant"])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    scanner: Scanner,
    redactor: Redactor,
    policies: PolicyEngine,
) -> Iterator[World]:
    """A guard over either store, with old honest sources in it."""
    settings = Settings(state_dir=tmp_path / "state", store=str(tmp_path / "store"))
    events = MemoryEventSink()
    parts = GuardParts(
        store=QdrantStore.in_process(":memory:") if request.param == "qdrant" else None,
        embedder=HashingEmbedder(),
        scanner=scanner,
        redactor=redactor,
        policies=policies,
        events=events,
    )
    signer = BatchSigner(settings.state_dir, settings.provenance)
    with Guard.from_settings(settings, parts) as guard:
        made = World(guard=guard, signer=signer, events=events)
        for source, text in HONEST.items():
            made.plant(text, source=source)
        age(made, 365)
        yield made
    signer.close()
    if parts.store is not None:
        parts.store.close()


def age(world: World, days: float) -> None:
    """Make everything that is there older than it is."""
    with closing(sqlite3.connect(world.guard.settings.state_dir / "provenance.db")) as database:
        for table in ("envelopes", "sources"):
            database.execute(f"UPDATE {table} SET created_at = created_at - ?", (days * DAY,))
        database.commit()


def flood(world: World, texts: Sequence[str], source: str = "x", **metadata: Any) -> None:
    """Sign and store passages of one source in one batch."""
    info = world.guard.store.collection(COLLECTION)
    vectors = world.guard.embedder.embed(texts)
    chunks = [
        Chunk(
            id=chunk_id(("acme", info.uid, source), "flood.md", at, text),
            text=text,
            tenant=TenantId("acme"),
            source=source,
            document=DocumentId("flood.md"),
            document_digest=Digest(hashlib.sha256(b"flood").hexdigest()),
            position=at,
            metadata=metadata,
            vector=vector,
        )
        for at, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    proofs = world.signer.sign(chunks, collection_uid=info.uid)
    points = [to_point(chunk, proof) for chunk, proof in zip(chunks, proofs, strict=True)]
    world.guard.store.upsert(COLLECTION, TenantId("acme"), points)


def lies(count: int = FLOOD) -> list[str]:
    """Return passages that are nearer to the question than any honest one."""
    return [f"Held in Chicago, the fair was held in {1900 + at}." for at in range(count)]


def ask(world: World) -> Retrieval:
    """Ask as an agent."""
    return world.guard.retrieve(ASK, context())


def told(answer: Retrieval) -> list[tuple[str, str]]:
    """Return who says what in an answer, in order."""
    return [(chunk.source, chunk.text) for chunk in answer.chunks]


def test_a_flood_of_a_new_source_changes_nothing(world: World) -> None:
    """A thousand passages nearer than any other leave the established answer as it was."""
    before = ask(world)
    flood(world, lies())
    after = ask(world)
    assert len(before.chunks) == 5
    assert told(after) == told(before)
    assert after.certificate.bound(new=1_000) == 0
    assert after.certificate.established == (1, 1, 1, 1, 1)


def test_a_flood_of_an_aged_source_is_capped_and_hides_nobody(world: World) -> None:
    """One established source gives its share, and the others' passages stand behind it."""
    before = ask(world)
    flood(world, lies())
    age(world, 30)
    after = ask(world)
    assert [chunk.source for chunk in after.chunks].count("x") == 2
    assert len({each for each in told(after) if each[0] != "x"} & set(told(before))) == 3
    assert after.certificate.max_poison(1) == 2


@pytest.mark.parametrize("kind", ["flagged", "alike"])
def test_a_flood_that_is_refused_hides_nobody(world: World, kind: str) -> None:
    """Nor do passages of an old source that are flagged, or all the same."""
    before = ask(world)
    if kind == "flagged":
        flood(world, lies(), signals=["echo"])
    else:
        flood(world, [lies(1)[0]] * FLOOD)
    age(world, 30)
    # One passage of the source itself is served where it is not flagged.
    assert len(set(told(before)) & set(told(ask(world)))) == (5 if kind == "flagged" else 4)


def test_the_rest_of_a_flood_is_not_read(world: World) -> None:
    """Whoever nobody knows costs the first fetch only; the rest is asked of the established."""
    flood(world, lies())
    dropped = [drop for drop in ask(world).dropped if drop.source == "x"]
    assert len(dropped) == 20


def test_a_reader_sees_no_more_for_a_flood(world: World) -> None:
    """What a second search finds is of the sources asked for, and of no other tenant."""
    flood(world, lies())
    world.plant("Globex held the fair in Chicago.", source="archive", tenant="globex")
    assert {chunk.source for chunk in ask(world).chunks} <= set(HONEST)
    assert "Globex" not in ask(world).context


def hits(**counts: int) -> list[Hit]:
    """Return so many hits of each source."""
    vector = HashingEmbedder().embed(["a"])[0]
    return [
        Hit(point=StoredPoint(id=f"{name}{at}", vector=vector, payload={"source": name}), score=0)
        for name, count in counts.items()
        for at in range(count)
    ]


def test_who_is_asked_for() -> None:
    """First all that are established and not full, then without those that were loud."""
    crowd = Crowd({"a", "b", "c"}, loud=2)
    crowd.note(hits(a=1, b=3, x=5))
    assert crowd.is_strange
    assert crowd.unheard({"a"}, loud=True) == {"b", "c"}
    assert crowd.unheard({"a"}, loud=False) == {"c"}


def test_nobody_is_strange_where_nobody_is_known() -> None:
    """A collection without established sources is searched as deep as any."""
    crowd = Crowd(set(), loud=2)
    crowd.note(hits(x=5))
    assert not crowd.is_strange


@pytest.mark.parametrize(
    ("first", "most", "wanted"), [(20, 400, [20, 40, 80, 160, 320, 400]), (5, 5, [5])]
)
def test_each_fetch_is_twice_as_deep(first: int, most: int, wanted: list[int]) -> None:
    """Up to the most that may be read."""
    assert list(depths(first, most)) == wanted
