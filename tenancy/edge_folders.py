"""The folders of an embedded store, each of which appears whole or not at all.

    PATH/.lock
    PATH/<collection>/collection.json           name, uid, model, dimension, format
    PATH/<collection>/<slug>-<hash>/tenant.json the tenant, and which of the folder's shards is its
    PATH/<collection>/<slug>-<hash>/shard…/     the engine's files, of that tenant only

A folder is built under a staging name and renamed when complete; a shard is replaced by rewriting
the name in ``tenant.json``. Leftovers of a killed process are removed when the store is opened.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from ..core.chunk import TenantId
from ..core.embedding import EmbedderIdentity
from ..core.errors import IsolationError, StoreError
from ..core.store import CollectionInfo
from .store_files import (
    damaged,
    os_error,
    read_json,
    remove_tree,
    sync_folder,
    sync_tree,
    write_json,
)

SHARD = "shard"
_FORMAT = 1
_COLLECTION_FILE = "collection.json"
_TENANT_FILE = "tenant.json"
_STAGING = ".staging-"
_KEPT_NAMES = 4_096
_SHARD_NAME = re.compile(r"shard(-[0-9a-f]{32})?")


def tenant_folder(collection: Path, tenant: TenantId) -> Path:
    """Return the tenant's folder: a readable slug and 128 bits of the name's SHA-256."""
    slug = re.sub(r"[^a-z0-9]+", "-", tenant.lower())[:24].strip("-")
    return collection / f"{slug}-{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"


@lru_cache(maxsize=_KEPT_NAMES)
def folder_in(store: Path, collection: str, tenant: TenantId) -> Path:
    """Return `tenant_folder` in a collection of the store; kept, since every call asks for it."""
    return tenant_folder(store / collection, tenant)


def write_collection(folder: Path, info: CollectionInfo) -> None:
    """Create the collection's folder with its record."""
    record = {"format": _FORMAT, "name": info.name, "uid": info.uid, **info.embedder.as_dict()}
    with building(folder) as staging:
        write_json(staging / _COLLECTION_FILE, record)


def read_collection(folder: Path) -> CollectionInfo | None:
    """Return what the folder records, or None if it is no collection."""
    record = read_json(folder / _COLLECTION_FILE)
    if record is None:
        return None
    if record.get("format") != _FORMAT:
        raise StoreError(
            f"collection '{folder.name}' has format {record.get('format')!r}, this version reads "
            f"{_FORMAT}: upgrade ragbastion, or ingest into a new store"
        )
    try:
        embedder = EmbedderIdentity(model=record["model"], dimension=int(record["dimension"]))
        info = CollectionInfo(name=record["name"], uid=record["uid"], embedder=embedder)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(folder / _COLLECTION_FILE) from error
    if info.name != folder.name:
        raise StoreError(
            f"folder '{folder}' records collection '{info.name}': it was renamed or the file "
            "system ignores case; restore its name"
        )
    return info


def write_tenant(folder: Path, tenant: TenantId, shard: str = SHARD) -> None:
    """Record which tenant a folder is for, and which of its shards holds the points."""
    write_json(folder / _TENANT_FILE, {"format": _FORMAT, "tenant": tenant, "shard": shard})


def read_tenant(folder: Path) -> TenantId | None:
    """Return the tenant whose folder this is, or None if it is no tenant folder.

    Raises `IsolationError` if the folder's name is not that of the tenant it records.
    """
    found = _tenant_record(folder)
    return found[0] if found else None


def shard_folder(folder: Path) -> Path | None:
    """Return where the tenant's engine files are, or None if it is no tenant folder."""
    found = _tenant_record(folder)
    return folder / found[1] if found else None


def replace_shard(folder: Path, staged: Path) -> None:
    """Put a staged shard in the place of the tenant's; only while nobody uses either.

    INVARIANT: the record names the old shard or the new one at every moment, and both are whole.
    """
    found = _tenant_record(folder)
    if found is None:
        raise StoreError(f"folder '{folder}' has no tenant: its shard was not replaced")
    tenant, old = found
    new = folder / f"{SHARD}-{uuid4().hex}"
    try:
        sync_tree(staged)
        staged.rename(new)
        write_tenant(folder, tenant, new.name)
    except OSError as error:
        raise os_error(error, folder) from error
    remove_tree(folder / old)


def adopt(staged: Path, folder: Path) -> None:
    """Give a staged tenant folder its name, which nobody has."""
    try:
        sync_tree(staged)
        staged.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_error(error, folder) from error


def _tenant_record(folder: Path) -> tuple[TenantId, str] | None:
    record = read_json(folder / _TENANT_FILE)
    if record is None:
        return None
    tenant, shard = record.get("tenant"), record.get("shard", SHARD)
    if not isinstance(tenant, str) or tenant_folder(folder.parent, TenantId(tenant)) != folder:
        raise IsolationError(
            f"folder '{folder}' records another tenant than its name says: it was moved or "
            "altered; nothing of it is served, restore it from a backup"
        )
    # A name with a separator would lead into another tenant's folder.
    if not isinstance(shard, str) or not _SHARD_NAME.fullmatch(shard):
        raise damaged(folder / _TENANT_FILE)
    return TenantId(tenant), shard


def subfolders(folder: Path) -> list[Path]:
    """Return the folders inside, by name, without hidden ones."""
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield an empty staging folder that becomes ``folder`` if the block succeeds."""
    staging = staging_in(folder.parent)
    try:
        staging.mkdir(mode=0o700)
        yield staging
        sync_folder(staging)
        staging.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_error(error, folder) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def staging_in(parent: Path) -> Path:
    """Return a new name that `sweep` removes if the process is killed."""
    return parent / f"{_STAGING}{uuid4().hex}"


def discard(folder: Path) -> None:
    """Remove a folder if there is one; what a kill leaves of it, `sweep` removes."""
    staging = staging_in(folder.parent)
    try:
        folder.rename(staging)
    except FileNotFoundError:
        return
    sync_folder(folder.parent)
    remove_tree(staging)


def sweep(store: Path) -> None:
    """Remove what a killed process left half made; only while the store's lock is held."""
    for parent in (store, *subfolders(store)):
        _sweep_staging(parent)
    for collection in subfolders(store):
        for folder in subfolders(collection):
            _sweep_staging(folder)
            shards = list(folder.glob(f"{SHARD}*"))
            current = shard_folder(folder) if len(shards) > 1 else None
            for shard in shards if current else ():
                if shard != current:
                    remove_tree(shard)


def _sweep_staging(parent: Path) -> None:
    for leftover in parent.glob(f"{_STAGING}*"):
        remove_tree(leftover)
