"""Who asks, and what belongs to whom: identity, the stores and the guarded client.

Names load on first use: `TenantContext` and `ApiKeys` pull in no vector store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api_keys import ApiKey, ApiKeys, Credential
    from .context import TenantContext
    from .edge_store import EdgeStore
    from .guarded_client import GuardedQdrantClient
    from .qdrant_store import QdrantStore
    from .store_location import open_store
    from .tenant_backup import (
        BackupOptions,
        RestoreOptions,
        backup_tenant,
        restore_tenant,
        verify_backup,
    )
    from .tenant_store import TenantStore, erase_tenant

__all__ = [
    "ApiKey",
    "ApiKeys",
    "BackupOptions",
    "Credential",
    "EdgeStore",
    "GuardedQdrantClient",
    "QdrantStore",
    "RestoreOptions",
    "TenantContext",
    "TenantStore",
    "backup_tenant",
    "erase_tenant",
    "open_store",
    "restore_tenant",
    "verify_backup",
]

_MODULES = {
    "ApiKey": "api_keys",
    "ApiKeys": "api_keys",
    "BackupOptions": "tenant_backup",
    "Credential": "api_keys",
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded_client",
    "QdrantStore": "qdrant_store",
    "RestoreOptions": "tenant_backup",
    "TenantContext": "context",
    "TenantStore": "tenant_store",
    "backup_tenant": "tenant_backup",
    "erase_tenant": "tenant_store",
    "open_store": "store_location",
    "restore_tenant": "tenant_backup",
    "verify_backup": "tenant_backup",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
