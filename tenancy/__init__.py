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
    from .tenant_shards import TenantShards

__all__ = [
    "AccessLabel",
    "ApiKey",
    "ApiKeys",
    "AsyncGuardedQdrantClient",
    "Attributes",
    "Authentication",
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
    "TenancyMode",
    "TenantContext",
    "TenantKeys",
    "TenantNames",
    "TenantShards",
    "TenantSparseStatistics",
    "acheck_tenant_collection",
    "acreate_tenant_collection",
    "check_tenant_collection",
    "create_tenant_collection",
    "open_store",
    "operator_context",
]

_MODULES = {
    "ApiKey": "api_key_table",
    "ApiKeys": "api_keys",
    "Attributes": "credential",
    "Authentication": "authentication",
    "BootstrapKey": "bootstrap_key",
    "Credential": "credential",
    "AccessLabel": "access_labels",
    "DocumentAccess": "access",
    "EdgeStore": "edge_store",
    "JwtSvidVerifier": "jwt_svid",
    "JwtVerifier": "jwt_verifier",
    "PayloadCipher": "encryption",
    "AsyncGuardedQdrantClient": "guarded.async_client",
    "GuardedQdrantClient": "guarded.client",
    "QdrantStore": "qdrant_store",
    "Quotas": "quotas",
    "TenancyMode": "collections",
    "TenantContext": "context",
    "TenantKeys": "encryption",
    "TenantNames": "collection_names",
    "TenantShards": "tenant_shards",
    "TenantSparseStatistics": "sparse_statistics",
    "acheck_tenant_collection": "collections",
    "acreate_tenant_collection": "collections",
    "check_tenant_collection": "collections",
    "create_tenant_collection": "collections",
    "open_store": "store_location",
    "operator_context": "context",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
