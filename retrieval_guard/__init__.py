"""The guard of what leaves the store: verified, permitted, corroborated, stripped and redacted.

>>> from ragbastion.retrieval_guard import Certificate
>>> Certificate(k=5, source_cap=1, sources=5).max_poison(2)
2

`Guard` is the whole of ragbastion in one object; `RetrievalGuard` works on any search's hits. Names
load on first use; the LlamaIndex classes need ``ragbastion[llama]``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingExtraError

if TYPE_CHECKING:
    from .actions import ActionGuard
    from .certificate import Certificate
    from .guard import Guard
    from .llama_embedding import EmbedderEmbedding
    from .llama_postprocessor import RetrievalGuardPostprocessor
    from .llama_store import GuardedVectorStore
    from .llama_transforms import ProvenanceTransform, ScanTransform
    from .parts import GuardParts
    from .proposal import ProposedAction
    from .results import Dropped, Retrieval, ServedChunk
    from .retrieval import RetrievalGuard
    from .sweep import PointState, SweepFinding, SweepReport

_HOME = {
    "ActionGuard": "actions",
    "Certificate": "certificate",
    "Dropped": "results",
    "EmbedderEmbedding": "llama_embedding",
    "Guard": "guard",
    "GuardParts": "parts",
    "GuardedVectorStore": "llama_store",
    "PointState": "sweep",
    "ProposedAction": "proposal",
    "ProvenanceTransform": "llama_transforms",
    "Retrieval": "results",
    "RetrievalGuard": "retrieval",
    "RetrievalGuardPostprocessor": "llama_postprocessor",
    "ScanTransform": "llama_transforms",
    "ServedChunk": "results",
    "SweepFinding": "sweep",
    "SweepReport": "sweep",
}

__all__ = [
    "ActionGuard",
    "Certificate",
    "Dropped",
    "EmbedderEmbedding",
    "Guard",
    "GuardParts",
    "GuardedVectorStore",
    "PointState",
    "ProposedAction",
    "ProvenanceTransform",
    "Retrieval",
    "RetrievalGuard",
    "RetrievalGuardPostprocessor",
    "ScanTransform",
    "ServedChunk",
    "SweepFinding",
    "SweepReport",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(_loaded(_HOME[name]), name)
    globals()[name] = value
    return value


def _loaded(module: str) -> ModuleType:
    try:
        return import_module(f".{module}", __name__)
    except ModuleNotFoundError as error:
        if module.startswith("llama_") and (error.name or "").startswith("llama_index"):
            raise MissingExtraError(
                "the LlamaIndex classes need llama-index-core: pip install 'ragbastion[llama]'"
            ) from error
        raise
