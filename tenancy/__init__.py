"""Who asks, and what belongs to whom: identity, the stores and the guarded clients.

Names load on first use: `TenantContext` and `ApiKeys` pull in no vector store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api_keys import ApiKey, ApiKeys, Credential
    from .context import TenantContext
    from .edge_store import EdgeStore
    from .guarded.async_client import AsyncGuardedQdrantClient
    from .guarded.client import GuardedQdrantClient
    from .qdrant_store import QdrantStore
    from .store_location import open_store

__all__ = [
    "ApiKey",
    "ApiKeys",
    "AsyncGuardedQdrantClient",
    "Credential",
    "EdgeStore",
    "GuardedQdrantClient",
    "QdrantStore",
    "TenantContext",
    "open_store",
]

_MODULES = {
    "ApiKey": "api_keys",
    "ApiKeys": "api_keys",
    "AsyncGuardedQdrantClient": "guarded.async_client",
    "Credential": "api_keys",
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded.client",
    "QdrantStore": "qdrant_store",
    "TenantContext": "context",
    "open_store": "store_location",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
