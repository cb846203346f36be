"""Only the current version of a document is served, and nothing honest is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.core.chunk import Chunk, ChunkId, Digest
from ragbastion.core.errors import ReplayedError
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey
from ragbastion.ingest.provenance.current_versions import CurrentVersions

from .conftest import COLLECTION_UID, make_chunks

LONG_AGO = 1.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger as another process has it."""
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[CurrentVersions]:
    """A reader of the same file."""
    versions = CurrentVersions(tmp_path)
    yield versions
    versions.close()


def _entry(chunk: Chunk) -> LedgerEntry:
    names = (COLLECTION_UID, chunk.tenant, chunk.source, chunk.document)
    return LedgerEntry(
        key=LedgerKey.of(names), digest=chunk.document_digest, pipeline="1", chunks=(chunk.id,)
    )


def _require(versions: CurrentVersions, chunk: Chunk, arrived: float | None = LONG_AGO) -> None:
    versions.refresh()
    versions.require_current(chunk, COLLECTION_UID, lambda: arrived)


def test_a_document_without_an_entry_has_any_version(versions: CurrentVersions) -> None:
    """What was signed past ingestion is not judged."""
    _require(versions, make_chunks(1)[0])


def test_a_change_is_seen_at_the_next_query(ledger: Ledger, versions: CurrentVersions) -> None:
    """A version that another process replaced is refused by a reader that knew it as current."""
    [old] = make_chunks(1)
    ledger.commit([_entry(old)])
    _require(versions, old)
    newer = replace(old, id=ChunkId("new"), document_digest=Digest("cd" * 32))
    ledger.commit([_entry(newer)])
    _require(versions, newer)
    with pytest.raises(ReplayedError, match="newer version"):
        _require(versions, old)


def test_what_is_about_to_be_entered_is_served(ledger: Ledger, versions: CurrentVersions) -> None:
    """Between the write to the store and the ledger's commit, and after a kill there."""
    [old] = make_chunks(1)
    ledger.commit([_entry(old)])
    _require(versions, replace(old, document_digest=Digest("cd" * 32)), arrived=2**40)


def test_a_version_that_came_back_is_current(ledger: Ledger, versions: CurrentVersions) -> None:
    """A document that was changed and changed back is as good as before."""
    [old] = make_chunks(1)
    newer = replace(old, id=ChunkId("new"), document_digest=Digest("cd" * 32))
    for each in (old, newer, old):
        ledger.commit([_entry(each)])
    _require(versions, old)


def test_an_unknown_arrival_is_a_replay(ledger: Ledger, versions: CurrentVersions) -> None:
    """Fails closed: what is not current must have arrived after the entry."""
    [old] = make_chunks(1)
    ledger.commit([_entry(replace(old, document_digest=Digest("cd" * 32)))])
    with pytest.raises(ReplayedError):
        _require(versions, old, arrived=None)


def test_a_withdrawn_document_may_be_ingested_again(
    ledger: Ledger, versions: CurrentVersions
) -> None:
    """It is refused in between."""
    [chunk] = make_chunks(1)
    ledger.commit([_entry(chunk)])
    ledger.withdraw(_entry(chunk).key)
    with pytest.raises(ReplayedError, match="was withdrawn"):
        _require(versions, chunk)
    ledger.commit([_entry(chunk)])
    _require(versions, chunk)


def test_a_retired_document_is_not_a_withdrawn_one(
    ledger: Ledger, versions: CurrentVersions
) -> None:
    """What a revocation took out may be brought back."""
    [chunk] = make_chunks(1)
    ledger.commit([_entry(chunk)])
    ledger.retire(_entry(chunk).key)
    _require(versions, chunk)
