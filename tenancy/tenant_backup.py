"""Backup and restore of one tenant: a folder that either store writes and either store reads.

>>> from tempfile import mkdtemp
>>> import numpy as np
>>> from ragbastion.core.events import MemoryEventSink
>>> from ragbastion.tenancy import open_store
>>> acme, folder, events = TenantId("acme"), Path(mkdtemp()) / "acme", MemoryEventSink()
>>> store = open_store(":memory:")
>>> info = store.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
>>> point = StoredPoint(id=ChunkId("c1"), vector=np.array([0.6, 0.8]), payload={"text": "hello"})
>>> store.upsert("docs", acme, [point])
>>> backup_tenant(store, acme, folder, events).collections[0].points
1
>>> store.delete("docs", acme, [ChunkId("c1")])
>>> _ = restore_tenant(store, acme, folder, events)
>>> store.count("docs", acme)
1
>>> store.close()

- INVARIANT: the backup's folder appears whole or not at all.
- INVARIANT: nothing of a store changes before every file of the backup was read and verified.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..core.chunk import ChunkId, Digest, TenantId
from ..core.embedding import EmbedderIdentity
from ..core.errors import BackupError, CollectionNotFoundError, UnknownTenantError, UsageError
from ..core.events import Event, EventSink
from ..core.store import StoredPoint
from .backup_format import (
    MANIFEST,
    BackedUpCollection,
    BackupManifest,
    line_of,
    points_file,
    read_manifest,
    read_points,
)
from .names import checked_tenant
from .store_files import os_error, remove_tree, sync_folder, sync_tree, write_json
from .tenant_store import TenantStore

__all__ = [
    "BackupOptions",
    "ChunkId",
    "EmbedderIdentity",
    "RestoreOptions",
    "StoredPoint",
    "backup_tenant",
    "restore_tenant",
    "verify_backup",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOptions:
    """What is backed up, every collection if ``collections`` is None, and in whose name."""

    collections: tuple[str, ...] | None = None
    principal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """How a backup is restored.

    ``replace`` allows the points that the tenant has in a collection of the backup to be lost;
    ``digest`` is what the manifest's digest must be, as `backup_tenant` and its event told it.
    """

    replace: bool = False
    digest: Digest | None = None
    principal: str = ""


def backup_tenant(
    store: TenantStore,
    tenant: TenantId,
    folder: Path,
    events: EventSink,
    options: BackupOptions | None = None,
) -> BackupManifest:
    """Write what the tenant has to a folder that does not exist.

    Each collection is as of one moment; the tenant's writes to it wait meanwhile. Payloads are
    written as the store keeps them, sealed ones sealed. Emits ``tenancy.backed_up``.
    Raises `UnknownTenantError` if there is nothing to back up.
    """
    chosen = options or BackupOptions()
    checked_tenant(tenant)
    if folder.exists():
        raise UsageError(f"backup to '{folder}' refused: it exists; name a folder that does not")
    staging = folder.with_name(f".{folder.name}.partial")
    try:
        remove_tree(staging)
        staging.mkdir(parents=True, mode=0o700)
        manifest = _written(store, tenant, staging, chosen.collections)
        sync_tree(staging)
        staging.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_error(error, folder) from error
    finally:
        remove_tree(staging)
    events.emit(_event("tenancy.backed_up", manifest, chosen.principal))
    return manifest


def verify_backup(
    folder: Path, tenant: TenantId, *, digest: Digest | None = None
) -> BackupManifest:
    """Read every file of a backup (untrusted); return its manifest if it is whole and the tenant's.

    Raises `BackupError` if it was altered or cut, if it is of another tenant, or if the digest is
    not the one expected. Takes memory for the ids of one collection.
    """
    manifest = read_manifest(folder)
    if manifest.tenant != checked_tenant(tenant):
        raise BackupError(f"backup '{folder}' refused: it is not of tenant '{tenant}'")
    # Bytes: two texts are compared only where both are ASCII.
    if digest is not None and not hmac.compare_digest(manifest.digest.encode(), digest.encode()):
        raise BackupError(f"backup '{folder}' refused: its digest is not the one expected")
    for collection in manifest.collections:
        ids = {point.id for point in read_points(folder, tenant, collection)}
        if len(ids) != collection.points:
            raise BackupError(
                f"backup '{folder}' refused: '{collection.name}' holds an id more than once"
            )
    return manifest


def restore_tenant(
    store: TenantStore,
    tenant: TenantId,
    folder: Path,
    events: EventSink,
    options: RestoreOptions | None = None,
) -> BackupManifest:
    """Put the points of a backup into this store, after verifying all of it.

    Collections that do not exist are created with the backup's model. Collections that the backup
    does not hold stay as they are. Each collection is replaced at once (`EdgeStore`) or in steps
    that can be repeated (`QdrantStore`); after a kill run it again. Emits ``tenancy.restored``.
    Raises `BackupError`, `ModelMismatchError` if a collection has another model, `SealError` or
    `ErasedTenantError` if the store's cipher does not open a point, or `UsageError` if the tenant
    has points there and ``options.replace`` is not set, or if the store has no cipher for what is
    sealed.
    """
    chosen = options or RestoreOptions()
    manifest = verify_backup(folder, tenant, digest=chosen.digest)
    _require_opening(store, tenant, folder, manifest)
    for collection in manifest.collections:
        _require_free(store, tenant, collection, replace=chosen.replace)
    for collection in manifest.collections:
        store.create_collection(collection.name, collection.embedder)
        store.replace(collection.name, tenant, read_points(folder, tenant, collection))
    events.emit(_event("tenancy.restored", manifest, chosen.principal))
    return manifest


def _written(
    store: TenantStore, tenant: TenantId, staging: Path, names: Sequence[str] | None
) -> BackupManifest:
    wanted = [info.name for info in store.collections()] if names is None else list(names)
    found = [_write_collection(store, tenant, staging, name) for name in dict.fromkeys(wanted)]
    collections = tuple(each for each in found if each is not None)
    if not collections:
        raise UnknownTenantError(f"nothing to back up: no collection has points of '{tenant}'")
    manifest = BackupManifest(
        tenant=tenant,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        collections=collections,
        sealed=store.sealed_fields,
    )
    write_json(staging / MANIFEST, manifest.as_dict())
    return manifest


def _write_collection(
    store: TenantStore, tenant: TenantId, staging: Path, name: str
) -> BackedUpCollection | None:
    embedder = store.collection(name).embedder
    path, count, digest = points_file(staging, name), 0, hashlib.sha256()
    with store.snapshot(name, tenant) as points, path.open("wb") as file:
        for count, point in enumerate(points, start=1):  # noqa: B007 - the last is the count
            line = line_of(point)
            digest.update(line)
            file.write(line)
    if not count:
        path.unlink()
        return None
    sha256 = Digest(digest.hexdigest())
    return BackedUpCollection(name=name, embedder=embedder, points=count, sha256=sha256)


def _require_opening(
    store: TenantStore, tenant: TenantId, folder: Path, manifest: BackupManifest
) -> None:
    """Raise unless the store opens every point of the backup, before anything is replaced."""
    unknown = set(manifest.sealed) - set(store.sealed_fields)
    if unknown:
        raise UsageError(
            f"restore refused: the backup's {sorted(unknown)} are sealed and the store would not "
            "open them; set 'encryption.key' and 'encryption.fields' as they were"
        )
    for collection in manifest.collections if store.sealed_fields else ():
        for point in read_points(folder, tenant, collection):
            store.require_openable(tenant, [point])


def _require_free(
    store: TenantStore, tenant: TenantId, collection: BackedUpCollection, *, replace: bool
) -> None:
    try:
        existing = store.collection(collection.name)
    except CollectionNotFoundError:
        return
    collection.embedder.require(existing.embedder, collection.name)
    if not replace and store.count(collection.name, tenant):
        raise UsageError(
            f"restore refused: '{collection.name}' has points of tenant '{tenant}'; "
            "restore into another store, or ask to replace them (--replace)"
        )


def _event(kind: str, manifest: BackupManifest, principal: str) -> Event:
    points = {each.name: each.points for each in manifest.collections}
    return Event(
        kind=kind,
        tenant=manifest.tenant,
        subject=manifest.tenant,
        outcome=kind.rpartition(".")[2],
        principal=principal,
        detail={"points": points, "sha256": manifest.digest},
    )
