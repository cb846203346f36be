"""The folders of an embedded store, each of which appears whole or not at all.

    PATH/.lock
    PATH/<collection>/collection.json           name, uid, model, dimension, format
    PATH/<collection>/<slug>-<hash>/tenant.json the tenant that the folder belongs to
    PATH/<collection>/<slug>-<hash>/shard/      the engine's files, of that tenant only

A folder is built under a staging name and renamed when complete; leftovers of a killed process are
removed when the store is opened.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..core.chunk import TenantId
from ..core.embedding import EmbedderIdentity
from ..core.errors import IsolationError, StoreError, StoreFullError
from ..core.store import CollectionInfo

SHARD = "shard"
_FORMAT = 1
_COLLECTION_FILE = "collection.json"
_TENANT_FILE = "tenant.json"
_STAGING = ".staging-"


def tenant_folder(collection: Path, tenant: TenantId) -> Path:
    """Return the tenant's folder: a readable slug and 128 bits of the name's SHA-256."""
    slug = re.sub(r"[^a-z0-9]+", "-", tenant.lower())[:24].strip("-")
    return collection / f"{slug}-{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"


def write_collection(folder: Path, info: CollectionInfo) -> None:
    """Create the collection's folder with its record."""
    record = {"format": _FORMAT, "name": info.name, "uid": info.uid, **info.embedder.as_dict()}
    with building(folder) as staging:
        _write_json(staging / _COLLECTION_FILE, record)


def read_collection(folder: Path) -> CollectionInfo | None:
    """Return what the folder records, or None if it is no collection."""
    record = _read_json(folder / _COLLECTION_FILE)
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
        raise _damaged(folder / _COLLECTION_FILE) from error
    if info.name != folder.name:
        raise StoreError(
            f"folder '{folder}' records collection '{info.name}': it was renamed or the file "
            "system ignores case; restore its name"
        )
    return info


def write_tenant(folder: Path, tenant: TenantId) -> None:
    """Record in a folder under construction which tenant it is for."""
    _write_json(folder / _TENANT_FILE, {"format": _FORMAT, "tenant": tenant})


def read_tenant(folder: Path) -> TenantId | None:
    """Return the tenant whose folder this is, or None if it is no tenant folder.

    Raises `IsolationError` if the folder's name is not that of the tenant it records.
    """
    record = _read_json(folder / _TENANT_FILE)
    if record is None:
        return None
    tenant = record.get("tenant")
    if not isinstance(tenant, str) or tenant_folder(folder.parent, TenantId(tenant)) != folder:
        raise IsolationError(
            f"folder '{folder}' records another tenant than its name says: it was moved or "
            "altered; nothing of it is served, restore it from a backup"
        )
    return TenantId(tenant)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders inside, by name, without hidden ones."""
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield an empty staging folder that becomes ``folder`` if the block succeeds."""
    staging = folder.parent / f"{_STAGING}{uuid4().hex}"
    try:
        staging.mkdir(mode=0o700)
        yield staging
        _sync(staging)
        staging.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        raise os_error(error, folder) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a folder; a kill in between leaves only a leftover that `sweep` removes."""
    staging = folder.parent / f"{_STAGING}{uuid4().hex}"
    folder.rename(staging)
    shutil.rmtree(staging, ignore_errors=True)


def sweep(store: Path) -> None:
    """Remove what a killed process left half made; only while the store's lock is held."""
    for parent in (store, *subfolders(store)):
        for leftover in parent.glob(f"{_STAGING}*"):
            shutil.rmtree(leftover, ignore_errors=True)


def os_error(error: OSError, path: Path) -> StoreError:
    """Translate an operating system error into one that says what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StoreFullError(
            f"store '{path}' was not written: no space is left; free some and run again"
        )
    return StoreError(f"store '{path}' cannot be used: {error.strerror or error}")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise os_error(error, path) from error
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(value, dict):
        raise _damaged(path)
    return value


def _damaged(path: Path) -> StoreError:
    return StoreError(f"file '{path}' is damaged: restore it from a backup, or ingest again")


def _sync(folder: Path) -> None:
    """Make renames in the folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
