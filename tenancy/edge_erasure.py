"""Erasing a tenant from every collection of an embedded store, over kills.

- INVARIANT: the intent is on disk before the first folder goes and until the last is gone, so a
  tenant whose erasure began is never served in part after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.chunk import TenantId
from .edge_folders import discard, read_collection, subfolders, sweep, tenant_folder
from .names import checked_tenant
from .store_files import damaged, read_json, sync_folder, write_json

_INTENT = ".erasing-"


def erase(store: Path, tenant: TenantId, remove: Callable[[Path], None]) -> None:
    """Call ``remove`` with the tenant's folder in each collection, under a recorded intent."""
    # Named by the hash that names the folders, so two erasures of a tenant are one.
    intent = store / f"{_INTENT}{tenant_folder(store, tenant).name[-32:]}.json"
    write_json(intent, {"tenant": tenant})
    for collection in subfolders(store):
        if read_collection(collection) is not None:
            remove(tenant_folder(collection, tenant))
    intent.unlink(missing_ok=True)
    sync_folder(store)


def finish_erasures(store: Path) -> None:
    """Finish what a kill interrupted; only while the store's lock is held."""
    for unfinished in store.glob(f".{_INTENT}*.new"):  # an intent that was not yet one
        unfinished.unlink(missing_ok=True)
    for intent in store.glob(f"{_INTENT}*.json"):
        tenant = (read_json(intent) or {}).get("tenant")
        if not isinstance(tenant, str):
            raise damaged(intent)
        sweep(store)
        erase(store, checked_tenant(tenant), discard)
