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
    from .encryption import PayloadCipher, TenantKeys
    from .guarded_client import GuardedQdrantClient
    from .qdrant_store import QdrantStore
    from .store_location import open_store

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Credential",
    "EdgeStore",
    "GuardedQdrantClient",
    "PayloadCipher",
    "QdrantStore",
    "TenantContext",
    "TenantKeys",
    "open_store",
]

_MODULES = {
    "ApiKey": "api_keys",
    "ApiKeys": "api_keys",
    "Credential": "api_keys",
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded_client",
    "PayloadCipher": "encryption",
    "QdrantStore": "qdrant_store",
    "TenantContext": "context",
    "TenantKeys": "encryption",
    "open_store": "store_location",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
