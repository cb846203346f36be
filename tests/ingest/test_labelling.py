"""Which label a document is written with, of one that is new and of one that is there."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import AccessError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.core.sqlite import open_memory_database
from ragbastion.core.store import StoredPoint
from ragbastion.ingest import IngestRequest, Writer
from ragbastion.ingest.labelling import Labelling
from ragbastion.ingest.ledger import LedgerEntry, LedgerKey
from ragbastion.ingest.ledger_labels import LABELS_SCHEMA, LedgerLabels
from ragbastion.ingest.loaders import LoadedDocument
from ragbastion.ingest.prepared import Candidate, candidate
from ragbastion.tenancy import AccessLabel, DocumentAccess, EdgeStore, operator_context
from ragbastion.tenancy.access_labels import DELETED_AT, OWNER, USERS

ACME = TenantId("acme")
ANN = operator_context(tenant="acme", principal="ann")
CURATOR = operator_context(tenant="acme", principal="cy", roles=["curator"], clearance=3)
FOR_BOB = AccessLabel(users=frozenset({"bob"}))
LABELLED = {OWNER: "ann", "_ragbastion_access_classification": 0}
GONE = {**LABELLED, DELETED_AT: 5.0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    """An embedded store with a collection."""
    opened = EdgeStore(tmp_path / "store")
    opened.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
    yield opened
    opened.close()


def new() -> Candidate:
    """Return a loaded document that no version of is known."""
    document = LoadedDocument(
        document=DocumentId("a.md"),
        text="text",
        hidden=(),
        raw=b"text",
        digest=Digest("d"),
        media_type="text/markdown",
    )
    return candidate(document, request(None), "uid")


def known(store: EdgeStore, payload: dict[str, Any]) -> Candidate:
    """Return a document whose older version is in the store with this payload."""
    point = StoredPoint(id=ChunkId("c1"), vector=np.array([1.0, 0.0]), payload=payload)
    store.upsert("docs", ACME, [point])
    each = new()
    key = LedgerKey(collection="uid", tenant=ACME, source="s", document=DocumentId("a.md"))
    each.replaces = LedgerEntry(key=key, digest=Digest("e"), pipeline="p", chunks=(ChunkId("c1"),))
    return each


def request(writer: Writer | None, **more: Any) -> IngestRequest:
    """Return a request of a writer."""
    return IngestRequest(tenant=ACME, source="s", collection="docs", writer=writer, **more)


def label(
    store: EdgeStore, each: Candidate, writer: Writer | None, *, enabled: bool, **more: Any
) -> dict[str, Any]:
    """Return the label that a document gets."""
    settings = AccessSettings(enabled=enabled).where_enabled()
    access = DocumentAccess(settings, MemoryEventSink())
    labels = LedgerLabels(open_memory_database(LABELS_SCHEMA), threading.Lock())
    chosen, _ = Labelling(store, labels, access, request(writer, **more), "docs").label(each)
    return dict(chosen)


def test_a_new_document_is_its_writers(store: EdgeStore) -> None:
    """Where access is enabled the owner is set, and elsewhere nothing."""
    assert label(store, new(), Writer(context=ANN), enabled=True) == LABELLED
    assert label(store, new(), Writer(context=ANN), enabled=False) == {}
    assert label(store, new(), None, enabled=False) == {}


@pytest.mark.parametrize("enabled", [True, False])
def test_a_label_that_is_asked_for_is_given(store: EdgeStore, enabled: bool) -> None:
    """It is completed by owner and classification."""
    given = label(store, new(), Writer(context=ANN, label=FOR_BOB), enabled=enabled)
    assert given == {**LABELLED, USERS: ["bob"]}


@pytest.mark.parametrize("enabled", [True, False])
def test_an_older_label_stays(store: EdgeStore, enabled: bool) -> None:
    """A version without a label of its own is read by whom the last one was."""
    each = known(store, {**LABELLED, USERS: ["bob"]})
    kept = label(store, each, Writer(context=ANN), enabled=enabled)
    assert kept == {**LABELLED, USERS: ["bob"]}
    if not enabled:
        assert label(store, each, None, enabled=False) == kept


@pytest.mark.parametrize("writer", [Writer(context=ANN), Writer(context=CURATOR), None])
def test_a_deleted_document_is_not_written_over(store: EdgeStore, writer: Writer | None) -> None:
    """Whoever writes, it has to be restored first."""
    with pytest.raises(AccessError):
        label(store, known(store, GONE), writer, enabled=False)


def test_an_unlabelled_document_is_labelled_by_curators(store: EdgeStore) -> None:
    """Labelling takes it from its other readers."""
    each = known(store, {"text": "old"})
    with pytest.raises(AccessError):
        label(store, each, Writer(context=ANN), enabled=True)
    assert label(store, each, Writer(context=CURATOR), enabled=True)[OWNER] == "cy"
    assert label(store, each, Writer(context=ANN), enabled=False) == {}


def test_a_release_takes_the_label_that_was_kept(store: EdgeStore) -> None:
    """Unless a version is there, whose label stays."""
    kept = {OWNER: "bob"}
    assert label(store, new(), None, enabled=True, kept_label=kept) == kept
    each = known(store, LABELLED)
    assert label(store, each, None, enabled=True, kept_label=kept) == LABELLED


def test_enabled_access_needs_a_writer(store: EdgeStore) -> None:
    """It is refused before any document is read."""
    with pytest.raises(UsageError, match="name who writes it"):
        label(store, new(), None, enabled=True)
