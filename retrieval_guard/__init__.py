"""The guard of what leaves the store: verified, permitted, corroborated, stripped and redacted.

>>> from ragbastion.retrieval_guard import Certificate
>>> Certificate(k=5, source_cap=1, sources=5).max_poison(2)
2

`Guard` is the whole of ragbastion in one object; `RetrievalGuard` works on any search's hits. Names
load on first use; the LlamaIndex classes need ``ragbastion[llama]``, the tenant tables of
PostgreSQL ``ragbastion[postgres]``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingExtraError

if TYPE_CHECKING:
    from .actions import ActionGuard
    from .certificate import Certificate
    from .corroboration import CollectionFacts, Corroborated, Standing, corroborate
    from .guard import Guard
    from .llama_embedding import EmbedderEmbedding
    from .llama_poisoning import PoisoningSignalsTransform, SignalParts
    from .llama_postgres import tenant_vector_store
    from .llama_postprocessor import RetrievalGuardPostprocessor
    from .llama_store import GuardedVectorStore
    from .llama_traits import StoreTraits
    from .llama_transforms import ProvenanceTransform, ScanTransform
    from .parts import GuardParts
    from .postgres_database import TenantDatabase
    from .postgres_row_security import TenantTable, require_row_security, set_up_row_security
    from .proposal import ProposedAction
    from .reembedding_report import ReembeddingFinding, ReembeddingReport, VectorMatch
    from .results import Dropped, Retrieval, ServedChunk
    from .retrieval import RetrievalGuard
    from .sampling import SampleSize
    from .sweep_report import PointState, SweepFinding, SweepReport
    from .votes import Votes, tally_votes

_HOME = {
    "ActionGuard": "actions",
    "Certificate": "certificate",
    "CollectionFacts": "corroboration",
    "Corroborated": "corroboration",
    "Dropped": "results",
    "EmbedderEmbedding": "llama_embedding",
    "Guard": "guard",
    "GuardParts": "parts",
    "GuardedVectorStore": "llama_store",
    "PointState": "sweep_report",
    "PoisoningSignalsTransform": "llama_poisoning",
    "ProposedAction": "proposal",
    "ProvenanceTransform": "llama_transforms",
    "ReembeddingFinding": "reembedding_report",
    "ReembeddingReport": "reembedding_report",
    "Retrieval": "results",
    "RetrievalGuard": "retrieval",
    "RetrievalGuardPostprocessor": "llama_postprocessor",
    "SampleSize": "sampling",
    "ScanTransform": "llama_transforms",
    "ServedChunk": "results",
    "SignalParts": "llama_poisoning",
    "Standing": "corroboration",
    "StoreTraits": "llama_traits",
    "SweepFinding": "sweep_report",
    "SweepReport": "sweep_report",
    "TenantDatabase": "postgres_database",
    "TenantTable": "postgres_row_security",
    "VectorMatch": "reembedding_report",
    "Votes": "votes",
    "corroborate": "corroboration",
    "require_row_security": "postgres_row_security",
    "set_up_row_security": "postgres_row_security",
    "tally_votes": "votes",
    "tenant_vector_store": "llama_postgres",
}

__all__ = [
    "ActionGuard",
    "Certificate",
    "CollectionFacts",
    "Corroborated",
    "Dropped",
    "EmbedderEmbedding",
    "Guard",
    "GuardParts",
    "GuardedVectorStore",
    "PointState",
    "PoisoningSignalsTransform",
    "ProposedAction",
    "ProvenanceTransform",
    "ReembeddingFinding",
    "ReembeddingReport",
    "Retrieval",
    "RetrievalGuard",
    "RetrievalGuardPostprocessor",
    "SampleSize",
    "ScanTransform",
    "ServedChunk",
    "SignalParts",
    "Standing",
    "StoreTraits",
    "SweepFinding",
    "SweepReport",
    "TenantDatabase",
    "TenantTable",
    "VectorMatch",
    "Votes",
    "corroborate",
    "require_row_security",
    "set_up_row_security",
    "tally_votes",
    "tenant_vector_store",
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
        missing = error.name or ""
        if missing.startswith(("llama_index.vector_stores.postgres", "sqlalchemy")):
            raise MissingExtraError(
                "PostgreSQL's row-level security needs pip install 'ragbastion[postgres]'"
            ) from error
        if module.startswith("llama_") and missing.startswith("llama_index"):
            raise MissingExtraError(
                "the LlamaIndex classes need llama-index-core: pip install 'ragbastion[llama]'"
            ) from error
        raise
