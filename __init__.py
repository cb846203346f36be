"""ragbastion: the guard of the data layer of RAG systems.

>>> from ragbastion import Scanner
>>> Scanner().scan("The harbour opens at six.").decision
<Decision.ALLOW: 'allow'>

Names load on first use, so ``import ragbastion`` is quick and loads no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.chunk import Chunk, Integrity
    from .core.errors import RagbastionError
    from .core.settings import Settings, load_settings
    from .core.verdict import Decision, Finding, Severity, Verdict
    from .ingest.scanner import Scanner
    from .pii import Redactor
    from .policies import AuditLog, PolicyEngine
    from .retrieval_guard import Guard, RetrievalGuard
    from .tenancy import (
        AsyncGuardedQdrantClient,
        GuardedQdrantClient,
        TenantContext,
        operator_context,
    )

__version__ = "0.1.0"

_HOME = {
    "AsyncGuardedQdrantClient": "tenancy",
    "AuditLog": "policies",
    "Chunk": "core.chunk",
    "Decision": "core.verdict",
    "Finding": "core.verdict",
    "Guard": "retrieval_guard",
    "GuardedQdrantClient": "tenancy",
    "Integrity": "core.chunk",
    "PolicyEngine": "policies",
    "RagbastionError": "core.errors",
    "Redactor": "pii",
    "RetrievalGuard": "retrieval_guard",
    "Scanner": "ingest.scanner",
    "Settings": "core.settings",
    "Severity": "core.verdict",
    "TenantContext": "tenancy",
    "Verdict": "core.verdict",
    "load_settings": "core.settings",
    "operator_context": "tenancy",
}

__all__ = [
    "AsyncGuardedQdrantClient",
    "AuditLog",
    "Chunk",
    "Decision",
    "Finding",
    "Guard",
    "GuardedQdrantClient",
    "Integrity",
    "PolicyEngine",
    "RagbastionError",
    "Redactor",
    "RetrievalGuard",
    "Scanner",
    "Settings",
    "Severity",
    "TenantContext",
    "Verdict",
    "load_settings",
    "operator_context",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ragbastion' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
