"""The ledger knows every chunk that the store may hold, current or loose."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, TenantId
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey

KEY = LedgerKey(
    collection="u1", tenant=TenantId("acme"), source="wiki", document=DocumentId("a.txt")
)
IDS = st.sets(st.sampled_from("abcdef"), min_size=1).map(sorted)


def entry(*chunks: str, digest: str = "d1") -> LedgerEntry:
    """Return an entry of document a.txt."""
    return LedgerEntry(
        key=KEY,
        digest=Digest(digest),
        pipeline="p1",
        chunks=tuple(ChunkId(chunk) for chunk in chunks),
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return an empty ledger."""
    return Ledger(tmp_path / "ledger.db")


def test_an_unknown_document_is_none(ledger: Ledger) -> None:
    """Nothing is known of a document that was not ingested."""
    assert ledger.find(KEY) is None
    assert ledger.loose(KEY) == []


def test_what_was_committed_is_found(ledger: Ledger) -> None:
    """Digest, pipeline version and chunk ids come back."""
    ledger.commit([entry("a", "b")])
    found = ledger.find(KEY)
    assert found is not None
    assert (found.digest, found.pipeline, found.chunks) == ("d1", "p1", ("a", "b"))


def test_intended_chunks_are_loose_until_committed(ledger: Ledger) -> None:
    """A chunk that is about to be written is loose, and current once committed."""
    ledger.intend([entry("a", "b")])
    assert ledger.loose(KEY) == ["a", "b"]
    ledger.commit([entry("a", "b")])
    assert ledger.loose(KEY) == []


def test_replaced_chunks_are_loose_until_forgotten(ledger: Ledger) -> None:
    """What a newer version does not have is loose until the store has deleted it."""
    ledger.commit([entry("a", "b")])
    ledger.commit([entry("b", "c", digest="d2")])
    assert ledger.loose(KEY) == ["a"]
    ledger.forget(KEY, [ChunkId("a")])
    assert ledger.loose(KEY) == []


def test_a_current_chunk_is_never_loose(ledger: Ledger) -> None:
    """Intending what is current already does not put it up for deletion."""
    ledger.commit([entry("a")])
    ledger.intend([entry("a", "b")])
    assert ledger.loose(KEY) == ["b"]


def test_a_retired_document_is_loose_as_a_whole(ledger: Ledger) -> None:
    """Retiring leaves no entry and all chunks to delete."""
    ledger.commit([entry("a", "b")])
    ledger.retire(KEY)
    assert ledger.find(KEY) is None
    assert ledger.loose(KEY) == ["a", "b"]


def test_points_count_current_chunks_of_the_tenant(ledger: Ledger) -> None:
    """Loose chunks and other collections do not count."""
    ledger.commit([entry("a", "b", "c")])
    ledger.commit([entry("c", digest="d2")])
    assert ledger.points("u1", TenantId("acme")) == 1
    assert ledger.points("u2", TenantId("acme")) == 0


@given(versions=st.lists(st.tuples(IDS, st.booleans()), max_size=8))
@settings(max_examples=40, deadline=None)
def test_no_written_chunk_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, versions: list[tuple[list[str], bool]]
) -> None:
    """Whatever runs are cut off after writing, each chunk written is current or loose."""
    ledger = Ledger(tmp_path_factory.mktemp("law") / "ledger.db")
    written: set[str] = set()
    for chunks, killed in versions:
        ledger.intend([entry(*chunks)])
        written.update(chunks)
        if not killed:
            ledger.commit([entry(*chunks)])
        found = ledger.find(KEY)
        current = set(found.chunks) if found else set()
        assert current | set(ledger.loose(KEY)) == written
        assert current & set(ledger.loose(KEY)) == set()
    ledger.close()
