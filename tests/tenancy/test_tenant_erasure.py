"""Erasing a tenant: out of every collection, to the last byte, and told."""

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import StoreError, UnknownTenantError, UsageError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore, TenantStore, erase_tenant
from ragbastion.tenancy.edge_folders import tenant_folder

IDENTITY = EmbedderIdentity(model="test-model", dimension=4)
ACME = TenantId("acme-canary")
GLOBEX = TenantId("globex")
CANARY = b"canary"


def point(name: str, text: str) -> StoredPoint:
    """Return a point with that text."""
    vector = np.array([1, 0, 0, 0], dtype=np.float32)
    return StoredPoint(id=ChunkId(name), vector=vector, payload={"text": text})


def fill(store: TenantStore) -> None:
    """Write canaries of acme and other texts of globex into two collections."""
    for name in ("docs", "mails"):
        store.create_collection(name, IDENTITY)
        store.upsert(name, ACME, [point("a", "canary"), point("b", "canary")])
        store.upsert(name, GLOBEX, [point("a", "harmless")])


def traces(root: Path) -> list[Path]:
    """Return what under a folder names the canary, in its content or in its path."""
    return [
        path
        for path in sorted(root.rglob("*"))
        if "canary" in str(path.relative_to(root)).lower()
        or (path.is_file() and CANARY in path.read_bytes())
    ]


def test_erased_tenant_is_unknown_everywhere(store: TenantStore) -> None:
    """It is in no collection any more, and the other tenant has what it had."""
    fill(store)
    assert store.erase(ACME) == {"docs": 2, "mails": 2}
    for name in ("docs", "mails"):
        assert (store.tenants(name), store.count(name, GLOBEX)) == ([GLOBEX], 1)
        assert list(store.scroll(name, ACME)) == []
        with pytest.raises(UnknownTenantError):
            store.search(name, ACME, np.array([1, 0, 0, 0]), 1)


def test_erasing_is_told_before_and_after(store: TenantStore) -> None:
    """Two events, the second with the counts."""
    fill(store)
    events = MemoryEventSink()
    erase_tenant(store, ACME, events, principal="root")
    begun, erased = events.events
    assert (begun.kind, erased.kind) == ("tenancy.erasing", "tenancy.erased")
    assert (erased.detail, erased.principal) == ({"points": {"docs": 2, "mails": 2}}, "root")


def test_nothing_is_erased_unrecorded(store: TenantStore) -> None:
    """If the event cannot be kept, the points stay."""

    class FullSink:
        def emit(self, event: Event) -> None:
            raise StoreError(f"{event.kind} cannot be kept")

    fill(store)
    with pytest.raises(StoreError, match=r"tenancy\.erasing cannot be kept"):
        erase_tenant(store, ACME, FullSink())
    assert store.count("docs", ACME) == 2


def test_erasing_again_changes_nothing(store: TenantStore) -> None:
    """A tenant that has nothing is erased as well."""
    fill(store)
    store.erase(ACME)
    assert store.erase(ACME) == {}
    assert store.count("docs", GLOBEX) == 1


def test_erased_tenant_may_come_back(store: TenantStore) -> None:
    """What is written after an erasure stays."""
    fill(store)
    store.erase(ACME)
    store.upsert("docs", ACME, [point("new", "canary")])
    assert (store.count("docs", ACME), store.count("mails", ACME)) == (1, 0)


def test_odd_tenant_is_refused(store: TenantStore) -> None:
    """A name that could leave the folder is no tenant."""
    with pytest.raises(UsageError, match="tenant refused"):
        store.erase(TenantId("../globex"))


def test_no_byte_stays_in_the_folder(tmp_path: Path) -> None:
    """Neither name nor text of the tenant is in any file, log or path of the store."""
    store = EdgeStore(tmp_path)
    fill(store)
    store.delete("docs", ACME, [ChunkId("b")])
    assert len(traces(tmp_path)) > 2
    store.erase(ACME)
    assert traces(tmp_path) == []
    store.close()
    assert traces(tmp_path) == []


def test_interrupted_erasure_is_finished_at_opening(tmp_path: Path) -> None:
    """With the intent on disk and one of two folders gone, opening removes the other."""
    store = EdgeStore(tmp_path)
    fill(store)
    store.close()
    name = tenant_folder(tmp_path, ACME).name
    (tmp_path / f".erasing-{name[-32:]}.json").write_text('{"tenant": "acme-canary"}')
    (tmp_path / "docs" / name).rename(tmp_path / "docs" / ".staging-1")
    again = EdgeStore(tmp_path)
    assert (again.tenants("docs"), again.tenants("mails")) == ([GLOBEX], [GLOBEX])
    assert traces(tmp_path) == []
    again.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == [".lock", "docs", "mails"]


def test_damaged_intent_is_named(tmp_path: Path) -> None:
    """An intent that cannot be read is told, and the lock is free again."""
    EdgeStore(tmp_path).close()
    intent = tmp_path / ".erasing-x.json"
    intent.write_text("{}")
    with pytest.raises(StoreError, match="damaged"):
        EdgeStore(tmp_path)
    intent.unlink()
    EdgeStore(tmp_path).close()
