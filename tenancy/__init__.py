"""Who asks, and what belongs to whom: identity, the stores and the guarded client.

Names load on first use: `TenantContext` and `ApiKeys` pull in no vector store, and only the
verifiers of tokens need ``ragbastion[identity]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api_key_table import ApiKey
    from .api_keys import ApiKeys
    from .authentication import Authentication
    from .bootstrap_key import BootstrapKey
    from .context import TenantContext, operator_context
    from .credential import Attributes, Credential
    from .edge_store import EdgeStore
    from .encryption import PayloadCipher, TenantKeys
    from .guarded_client import GuardedQdrantClient
    from .jwt_svid import JwtSvidVerifier
    from .jwt_verifier import JwtVerifier
    from .qdrant_store import QdrantStore
    from .store_location import open_store

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Attributes",
    "Authentication",
    "BootstrapKey",
    "Credential",
    "EdgeStore",
    "GuardedQdrantClient",
    "JwtSvidVerifier",
    "JwtVerifier",
    "PayloadCipher",
    "QdrantStore",
    "TenantContext",
    "TenantKeys",
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
    "EdgeStore": "edge_store",
    "GuardedQdrantClient": "guarded_client",
    "JwtSvidVerifier": "jwt_svid",
    "JwtVerifier": "jwt_verifier",
    "PayloadCipher": "encryption",
    "QdrantStore": "qdrant_store",
    "TenantContext": "context",
    "TenantKeys": "encryption",
    "open_store": "store_location",
    "operator_context": "context",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
