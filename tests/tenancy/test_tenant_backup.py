"""Backup and restore of a tenant: the same on every store, and nothing altered gets in."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import ChunkId, Digest, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import (
    BackupError,
    CollectionNotFoundError,
    ModelMismatchError,
    UnknownTenantError,
    UsageError,
)
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import (
    BackupOptions,
    RestoreOptions,
    TenantStore,
    backup_tenant,
    open_store,
    restore_tenant,
    verify_backup,
)

IDENTITY = EmbedderIdentity(model="test-model", dimension=4)
ACME = TenantId("acme")
GLOBEX = TenantId("globex")
REPLACE = RestoreOptions(replace=True)


@pytest.fixture
def events() -> MemoryEventSink:
    """Return where events are kept."""
    return MemoryEventSink()


@pytest.fixture
def folder(store: TenantStore, tmp_path: Path) -> Path:
    """Return a backup of two points of acme in "docs" and one in "mails"; globex has one too."""
    for name in ("docs", "mails"):
        store.create_collection(name, IDENTITY)
    store.upsert("docs", ACME, [point("a", 1), point("b", 2)])
    store.upsert("mails", ACME, [point("m", 3)])
    store.upsert("docs", GLOBEX, [point("a", 9)])
    backup_tenant(store, ACME, tmp_path / "backup", MemoryEventSink())
    return tmp_path / "backup"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[TenantStore]:
    """Return an empty embedded store to restore into."""
    opened = open_store(str(tmp_path / "other"))
    yield opened
    opened.close()


def point(name: str, seed: int, **payload: object) -> StoredPoint:
    """Return a point with a vector of its own."""
    vector = np.random.default_rng(seed).standard_normal(4).astype(np.float32)
    return StoredPoint(id=ChunkId(name), vector=vector, payload={"text": f"{name}é", **payload})


def contents(store: TenantStore, collection: str, tenant: TenantId) -> dict[str, Any]:
    """Return payloads and rounded vectors by id."""
    found = store.scroll(collection, tenant)
    return {p.id: (dict(p.payload), p.vector.round(5).tolist()) for p in found}


def test_restore_brings_everything_back(
    store: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """After an erasure the backup gives ids, payloads and vectors back, of this tenant alone."""
    before = [contents(store, name, ACME) for name in ("docs", "mails")]
    store.erase(ACME)
    restore_tenant(store, ACME, folder, events)
    assert [contents(store, name, ACME) for name in ("docs", "mails")] == before
    assert store.count("docs", GLOBEX) == 1


def test_backup_moves_between_kinds_of_stores(
    store: TenantStore, other: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """Another store creates the collections with the backup's model and holds the same points."""
    restore_tenant(other, ACME, folder, events)
    assert contents(other, "docs", ACME) == contents(store, "docs", ACME)
    assert other.collection("mails").embedder == IDENTITY
    assert other.tenants("docs") == [ACME]


def test_backup_is_told(store: TenantStore, tmp_path: Path, events: MemoryEventSink) -> None:
    """Events name tenant, counts and the digest by which the backup is known again."""
    store.create_collection("docs", IDENTITY)
    store.upsert("docs", ACME, [point("a", 1)])
    options = BackupOptions(principal="root")
    manifest = backup_tenant(store, ACME, tmp_path / "b", events, options)
    expected = RestoreOptions(replace=True, digest=manifest.digest)
    restore_tenant(store, ACME, tmp_path / "b", events, expected)
    assert [each.kind for each in events.events] == ["tenancy.backed_up", "tenancy.restored"]
    detail = {"points": {"docs": 1}, "sha256": manifest.digest}
    assert [each.detail for each in events.events] == [detail, detail]
    assert (events.events[0].principal, events.events[0].tenant) == ("root", ACME)


def test_chosen_collections_are_backed_up(
    store: TenantStore, folder: Path, tmp_path: Path, events: MemoryEventSink
) -> None:
    """Of two collections the named one is in the backup."""
    options = BackupOptions(collections=("mails",))
    manifest = backup_tenant(store, ACME, tmp_path / "mails", events, options)
    assert [(each.name, each.points) for each in manifest.collections] == [("mails", 1)]


def test_restore_does_not_replace_unasked(
    store: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """A tenant that has points keeps them all, and no other collection is touched."""
    store.upsert("docs", ACME, [point("new", 5)])
    store.delete("mails", ACME, [ChunkId("m")])
    with pytest.raises(UsageError, match="'docs' has points of tenant 'acme'"):
        restore_tenant(store, ACME, folder, events)
    assert set(contents(store, "docs", ACME)) == {"a", "b", "new"}
    assert (store.count("mails", ACME), events.events) == (0, [])


def test_replacing_leaves_nothing_of_the_old(
    store: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """Points that are not in the backup are gone, changed ones are as they were."""
    store.upsert("docs", ACME, [point("new", 5), point("a", 6, changed=True)])
    restore_tenant(store, ACME, folder, events, REPLACE)
    found = contents(store, "docs", ACME)
    assert set(found) == {"a", "b"}
    assert found["a"][0] == {"text": "aé", "tenant": "acme"}


def test_existing_folder_is_refused(
    store: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """A backup never writes over anything."""
    with pytest.raises(UsageError, match="it exists"):
        backup_tenant(store, ACME, folder, events)


def test_nothing_to_back_up_is_told(
    store: TenantStore, folder: Path, tmp_path: Path, events: MemoryEventSink
) -> None:
    """An unknown tenant or collection gives an error and no folder."""
    with pytest.raises(UnknownTenantError, match="initech"):
        backup_tenant(store, TenantId("initech"), tmp_path / "none", events)
    options = BackupOptions(collections=("nowhere",))
    with pytest.raises(CollectionNotFoundError, match="'nowhere'"):
        backup_tenant(store, ACME, tmp_path / "none", events, options)
    assert sorted(each.name for each in tmp_path.iterdir() if "none" in each.name) == []


def test_backup_is_owner_only(folder: Path) -> None:
    """Nobody else may enter it."""
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_other_model_is_refused(other: TenantStore, folder: Path, events: MemoryEventSink) -> None:
    """A collection with another model takes nothing, and no other collection is created."""
    other.create_collection("mails", EmbedderIdentity(model="other-model", dimension=4))
    with pytest.raises(ModelMismatchError, match="other-model"):
        restore_tenant(other, ACME, folder, events)
    assert [info.name for info in other.collections()] == ["mails"]


def test_other_tenant_is_refused(store: TenantStore, folder: Path, events: MemoryEventSink) -> None:
    """A backup is restored to the tenant that it is of."""
    with pytest.raises(BackupError, match="not of tenant 'globex'"):
        restore_tenant(store, GLOBEX, folder, events, REPLACE)
    assert store.count("docs", GLOBEX) == 1


def test_unexpected_digest_is_refused(
    store: TenantStore, folder: Path, events: MemoryEventSink
) -> None:
    """A whole backup that is not the one whose digest was kept is refused."""
    with pytest.raises(BackupError, match="digest is not the one expected"):
        restore_tenant(store, ACME, folder, events, RestoreOptions(digest=Digest("0" * 64)))


def resigned(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and make its digests fit, as a forger would."""
    path = folder / "manifest.json"
    record = json.loads(path.read_text())
    for each in record["collections"]:
        file = folder / f"{each['name']}.jsonl"
        each["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        each["points"] = len(file.read_bytes().splitlines()) if file.exists() else 0
    change(record)
    del record["sha256"]
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    record["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(record))


def edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the first point of "docs" and make every digest fit."""
    path = folder / "docs.jsonl"
    first, *rest = path.read_text().splitlines()
    record = json.loads(first)
    change(record)
    path.write_text("\n".join([json.dumps(record), *rest]) + "\n")
    resigned(folder, lambda _: None)


def doubled(folder: Path) -> None:
    """Write the first point of "docs" twice and make every digest fit."""
    path = folder / "docs.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] * 2)
    resigned(folder, lambda _: None)


def blocking(folder: Path) -> None:
    """Put a FIFO that nobody writes to in the place of the points."""
    (folder / "docs.jsonl").unlink()
    os.mkfifo(folder / "docs.jsonl")


FORGERIES: dict[str, Callable[[Path], object]] = {
    "cut points": lambda f: (f / "docs.jsonl").write_bytes((f / "docs.jsonl").read_bytes()[:-9]),
    "no points": lambda f: (f / "docs.jsonl").unlink(),
    "swapped files": lambda f: (f / "mails.jsonl").replace(f / "docs.jsonl"),
    "no manifest": lambda f: (f / "manifest.json").unlink(),
    "empty manifest": lambda f: (f / "manifest.json").write_text(""),
    "manifest of another kind": lambda f: (f / "manifest.json").write_text('{"kind": "x"}'),
    "deep manifest": lambda f: (f / "manifest.json").write_text("[" * 100_000),
    "tenant renamed": lambda f: resigned(f, lambda r: r.update(tenant="globex")),
    "odd tenant": lambda f: resigned(f, lambda r: r.update(tenant="../x")),
    "odd collection": lambda f: resigned(f, lambda r: r["collections"][0].update(name="../docs")),
    "collection twice": lambda f: resigned(f, lambda r: r.update(collections=r["collections"] * 2)),
    "no collection": lambda f: resigned(f, lambda r: r["collections"].clear()),
    "other format": lambda f: resigned(f, lambda r: r.update(format=2)),
    "other dimension": lambda f: resigned(f, lambda r: r["collections"][0].update(dimension=8)),
    "foreign point": lambda f: edited(f, lambda r: r["payload"].update(tenant="globex")),
    "unlabelled point": lambda f: edited(f, lambda r: r["payload"].pop("tenant")),
    "reserved key": lambda f: edited(f, lambda r: r["payload"].update(_ragbastion_id="b")),
    "id of a number": lambda f: edited(f, lambda r: r.update(id=7)),
    "id twice": doubled,
    "points that never come": blocking,
    "short vector": lambda f: edited(f, lambda r: r.update(vector="AAAA")),
    "zero vector": lambda f: edited(f, lambda r: r.update(vector="A" * 22 + "==")),
    "payload of a list": lambda f: edited(f, lambda r: r.update(payload=[1])),
    "payload with NaN": lambda f: edited(f, lambda r: r["payload"].update(x=float("nan"))),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_altered_backup_is_refused(
    store: TenantStore, folder: Path, events: MemoryEventSink, forgery: str
) -> None:
    """Whatever is cut, swapped, renamed or forged: an error, and the store is as before."""
    FORGERIES[forgery](folder)
    store.upsert("docs", ACME, [point("kept", 5)])
    before = contents(store, "docs", ACME), contents(store, "docs", GLOBEX)
    for tenant in (ACME, GLOBEX):
        with pytest.raises(BackupError, match="refused") as refused:
            restore_tenant(store, tenant, folder, events, REPLACE)
        assert "é" not in str(refused.value)
    assert (contents(store, "docs", ACME), contents(store, "docs", GLOBEX)) == before
    assert events.events == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(one_backup: Path, data: st.DataObject) -> None:
    """No bit of any file can change without the backup being refused."""
    path = data.draw(st.sampled_from(sorted(one_backup.iterdir())))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    flipped = bytearray(content)
    flipped[at // 8] ^= 1 << at % 8
    path.write_bytes(flipped)
    try:
        with pytest.raises(BackupError):
            verify_backup(one_backup, ACME)
    finally:
        path.write_bytes(content)
    assert verify_backup(one_backup, ACME).tenant == ACME


@pytest.fixture
def one_backup(tmp_path: Path) -> Path:
    """Return a backup of one point."""
    store = open_store(":memory:")
    store.create_collection("docs", IDENTITY)
    store.upsert("docs", ACME, [point("a", 1)])
    backup_tenant(store, ACME, tmp_path / "one", MemoryEventSink())
    store.close()
    return tmp_path / "one"
