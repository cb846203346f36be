"""Who asks, and what belongs to whom: identity, the stores and the guarded client.

Names load on first use: `TenantContext` and `ApiKeys` pull in no vector store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access import DocumentAccess
    from .access_labels import AccessLabel
    from .api_keys import ApiKey, ApiKeys, Credential
    from .collection_names import TenantNames
    from .collections import (
        TenancyMode,
        acheck_tenant_collection,
        acreate_tenant_collection,
        check_tenant_collection,
        create_tenant_collection,
    )
    from .context import TenantContext
    from .edge_store import EdgeStore
    from .guarded_client import GuardedQdrantClient
    from .qdrant_store import QdrantStore
    from .quotas import Quotas
    from .sparse_statistics import TenantSparseStatistics
    from .store_location import open_store
    from .tenant_shards import TenantShards

__all__ = [
    "AccessLabel",
    "ApiKey",
    "ApiKeys",
    "Credential",
    "DocumentAccess",
    "EdgeStore",
    "GuardedQdrantClient",
    "QdrantStore",
    "Quotas",
    "TenancyMode",
    "TenantContext",
    "TenantNames",
    "TenantShards",
    "TenantSparseStatistics",
    "acheck_tenant_collection",
    "acreate_tenant_collection",
    "check_tenant_collection",
    "create_tenant_collection",
    "open_store",
]

_MODULES = {
    "AccessLabel": "access_labels",
    "ApiKey": "api_keys",
    "ApiKeys": "api_keys",
    "Credential": "api_keys",
    "DocumentAccess": "access",
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded_client",
    "QdrantStore": "qdrant_store",
    "Quotas": "quotas",
    "TenancyMode": "collections",
    "TenantContext": "context",
    "TenantNames": "collection_names",
    "TenantShards": "tenant_shards",
    "TenantSparseStatistics": "sparse_statistics",
    "acheck_tenant_collection": "collections",
    "acreate_tenant_collection": "collections",
    "check_tenant_collection": "collections",
    "create_tenant_collection": "collections",
    "open_store": "store_location",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
