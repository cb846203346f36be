"""Who asks, and what belongs to whom: identity, the stores and the guarded clients.

Names load on first use: `TenantContext` and `ApiKeys` pull in no vector store, and only the
verifiers of tokens need ``ragbastion[identity]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access import DocumentAccess
    from .access_labels import AccessLabel
    from .api_key_table import ApiKey
    from .api_keys import ApiKeys
    from .authentication import Authentication
    from .bootstrap_key import BootstrapKey
    from .collection_names import TenantNames
    from .collections import (
        TenancyMode,
        acheck_tenant_collection,
        acreate_tenant_collection,
        check_tenant_collection,
        create_tenant_collection,
    )
    from .context import TenantContext, operator_context
    from .credential import Attributes, Credential
    from .edge_store import EdgeStore
    from .encryption import PayloadCipher, TenantKeys
    from .guarded.async_client import AsyncGuardedQdrantClient
    from .guarded.client import GuardedQdrantClient
    from .jwt_svid import JwtSvidVerifier
    from .jwt_verifier import JwtVerifier
    from .qdrant_store import QdrantStore
    from .quotas import Quotas
    from .sparse_statistics import TenantSparseStatistics
    from .store_location import open_store
    from .tenant_backup import (
        BackupOptions,
        RestoreOptions,
        backup_tenant,
        restore_tenant,
        verify_backup,
    )
    from .tenant_shards import TenantShards
    from .tenant_store import TenantStore, erase_tenant

__all__ = [
    "AccessLabel",
    "ApiKey",
    "ApiKeys",
    "AsyncGuardedQdrantClient",
    "Attributes",
    "Authentication",
    "BackupOptions",
    "BootstrapKey",
    "Credential",
    "DocumentAccess",
    "EdgeStore",
    "GuardedQdrantClient",
    "JwtSvidVerifier",
    "JwtVerifier",
    "PayloadCipher",
    "QdrantStore",
    "Quotas",
    "RestoreOptions",
    "TenancyMode",
    "TenantContext",
    "TenantKeys",
    "TenantNames",
    "TenantShards",
    "TenantSparseStatistics",
    "TenantStore",
    "acheck_tenant_collection",
    "acreate_tenant_collection",
    "backup_tenant",
    "check_tenant_collection",
    "create_tenant_collection",
    "erase_tenant",
    "open_store",
    "operator_context",
    "restore_tenant",
    "verify_backup",
]

_MODULES = {
    "AccessLabel": "access_labels",
    "ApiKey": "api_key_table",
    "ApiKeys": "api_keys",
    "AsyncGuardedQdrantClient": "guarded.async_client",
    "Attributes": "credential",
    "Authentication": "authentication",
    "BackupOptions": "tenant_backup",
    "BootstrapKey": "bootstrap_key",
    "Credential": "credential",
    "DocumentAccess": "access",
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded.client",
    "JwtSvidVerifier": "jwt_svid",
    "JwtVerifier": "jwt_verifier",
    "PayloadCipher": "encryption",
    "QdrantStore": "qdrant_store",
    "Quotas": "quotas",
    "RestoreOptions": "tenant_backup",
    "TenancyMode": "collections",
    "TenantContext": "context",
    "TenantKeys": "encryption",
    "TenantNames": "collection_names",
    "TenantShards": "tenant_shards",
    "TenantSparseStatistics": "sparse_statistics",
    "TenantStore": "tenant_store",
    "acheck_tenant_collection": "collections",
    "acreate_tenant_collection": "collections",
    "backup_tenant": "tenant_backup",
    "check_tenant_collection": "collections",
    "create_tenant_collection": "collections",
    "erase_tenant": "tenant_store",
    "open_store": "store_location",
    "operator_context": "context",
    "restore_tenant": "tenant_backup",
    "verify_backup": "tenant_backup",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
