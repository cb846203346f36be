"""Backups of sealed tenants stay sealed, and an erasure drops keys, points and files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import ErasedTenantError, SealError, StoreError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import (
    PayloadCipher,
    RestoreOptions,
    TenantKeys,
    TenantStore,
    backup_tenant,
    erase_tenant,
    open_store,
    restore_tenant,
)

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
IDENTITY = EmbedderIdentity(model="m", dimension=2)
VECTOR = np.array([1.0, 0.0], dtype=np.float32)
Open = Callable[..., TenantStore]


def point(name: str, text: str) -> StoredPoint:
    """Return a point with a text."""
    return StoredPoint(id=ChunkId(name), vector=VECTOR, payload={"text": text, "source": "s"})


@pytest.fixture(params=["edge", "qdrant-local"])
def open_it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Return what opens a named store, with or without a cipher; one of a name at a time."""
    opened: dict[str, TenantStore] = {}

    def begin(name: str = "first", cipher: PayloadCipher | None = None) -> TenantStore:
        if name in opened:
            opened[name].close()
        place = str(tmp_path / name)
        location = place if request.param == "edge" else f"qdrant-local:{place}"
        opened[name] = store = open_store(location, cipher=cipher)
        store.create_collection("docs", IDENTITY)
        return store

    yield begin
    for store in opened.values():
        store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the backup goes."""
    return tmp_path / "backup"


def filled(store: TenantStore, folder: Path) -> TenantStore:
    """Return the store with points of two tenants, of which acme's are backed up."""
    store.upsert("docs", ACME, [point("a", "the harbour"), point("b", "the lighthouse")])
    store.upsert("docs", GLOBEX, [point("a", "other")])
    backup_tenant(store, ACME, folder, MemoryEventSink())
    return store


def texts(store: TenantStore) -> set[str]:
    """Return acme's texts."""
    return {each.payload["text"] for each in store.scroll("docs", ACME)}


def test_backup_holds_no_text(open_it: Open, cipher: PayloadCipher, folder: Path) -> None:
    """The manifest says which fields are sealed, and they are."""
    filled(open_it(cipher=cipher), folder)
    assert json.loads((folder / "manifest.json").read_text())["sealed"] == ["text"]
    lines = [json.loads(line) for line in (folder / "docs.jsonl").read_text().splitlines()]
    assert all(line["payload"]["text"].startswith("rbseal1.") for line in lines)
    assert {line["payload"]["source"] for line in lines} == {"s"}


def test_restore_opens_again(open_it: Open, cipher: PayloadCipher, folder: Path) -> None:
    """In another store with the same keys, and the texts are sealed once."""
    filled(open_it(cipher=cipher), folder)
    other = open_it("second", cipher)
    restore_tenant(other, ACME, folder, MemoryEventSink())
    assert texts(other) == {"the harbour", "the lighthouse"}


def test_restore_without_a_cipher_is_refused(
    open_it: Open, cipher: PayloadCipher, folder: Path
) -> None:
    """Callers would read sealed forms as if they were texts."""
    filled(open_it(cipher=cipher), folder)
    plain = open_it("second")
    with pytest.raises(UsageError, match="sealed"):
        restore_tenant(plain, ACME, folder, MemoryEventSink())
    assert plain.count("docs", ACME) == 0


def test_plain_backup_is_refused_by_a_sealed_store(
    open_it: Open, cipher: PayloadCipher, folder: Path
) -> None:
    """Sealing it on the way in would vouch for texts that anyone may have put there."""
    filled(open_it(), folder)
    sealed = open_it("second", cipher)
    sealed.upsert("docs", ACME, [point("a", "kept")])
    with pytest.raises(SealError, match="not sealed"):
        restore_tenant(sealed, ACME, folder, MemoryEventSink(), RestoreOptions(replace=True))
    assert texts(sealed) == {"kept"}


def test_backup_outlives_no_erasure(
    open_it: Open, cipher: PayloadCipher, keys: TenantKeys, folder: Path
) -> None:
    """With the keys gone it cannot be restored; neither after the tenant is made anew."""
    store = filled(open_it(cipher=cipher), folder)
    erase_tenant(store, ACME, MemoryEventSink(), keys=keys)
    with pytest.raises(ErasedTenantError):
        restore_tenant(store, ACME, folder, MemoryEventSink())
    keys.create("acme")
    with pytest.raises(ErasedTenantError):
        restore_tenant(store, ACME, folder, MemoryEventSink())
    assert (store.count("docs", ACME), store.count("docs", GLOBEX)) == (0, 1)


def test_erasure_tells_of_keys_and_points(
    open_it: Open, cipher: PayloadCipher, keys: TenantKeys, events: MemoryEventSink, folder: Path
) -> None:
    """In the order that it happens in: begun, keys, points."""
    store = filled(open_it(cipher=cipher), folder)
    events.events.clear()
    assert erase_tenant(store, ACME, events, keys=keys, principal="root") == {"docs": 2}
    kinds = [event.kind for event in events.events]
    assert kinds == ["tenancy.erasing", "tenancy.keys_erased", "tenancy.erased"]
    assert {event.principal for event in events.events} == {"root"}


def test_erasure_that_stopped_after_the_keys(
    open_it: Open, cipher: PayloadCipher, keys: TenantKeys, folder: Path
) -> None:
    """Nothing opens and nothing can be written; a second call removes the rest."""
    filled(open_it(cipher=cipher), folder).close()
    closed = open_it(cipher=cipher)
    closed.close()
    with pytest.raises(StoreError):
        erase_tenant(closed, ACME, MemoryEventSink(), keys=keys)
    store = open_it(cipher=cipher)
    with pytest.raises(ErasedTenantError):
        list(store.scroll("docs", ACME))
    with pytest.raises(ErasedTenantError):
        store.upsert("docs", ACME, [point("c", "again")])
    assert erase_tenant(store, ACME, MemoryEventSink(), keys=keys) == {"docs": 2}
    assert store.tenants("docs") == [GLOBEX]


def test_tenant_without_a_key_is_erased_too(
    open_it: Open, cipher: PayloadCipher, keys: TenantKeys
) -> None:
    """Its points were stored before there was a cipher."""
    plain = open_it()
    plain.upsert("docs", ACME, [point("a", "old")])
    store = open_it(cipher=cipher)
    assert erase_tenant(store, ACME, MemoryEventSink(), keys=keys) == {"docs": 1}
