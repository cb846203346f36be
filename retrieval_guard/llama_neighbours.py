"""What LlamaIndex has that the poisoning signals compare with: stored nodes, and its model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.vector_stores.types import VectorStoreQuery

from ..core.chunk import Matrix, Vector
from ..core.errors import UsageError
from ..core.store import Hit
from ..ingest.signals import Neighbours
from ..ingest.signals.probes import shipped_probes
from .llama_measured import unit_rows
from .llama_nodes import point_of
from .llama_store import GuardedVectorStore


def neighbours_in(store: GuardedVectorStore, tenant: str, collection: str) -> Neighbours:
    """Return a search among the tenant's stored nodes that verify, one query a vector.

    Raises `UsageError` for a store of another tenant or collection. The similarity is the cosine,
    whatever the inner store calls one.
    """
    if (store.tenant, store.collection) != (tenant, collection):
        raise UsageError(
            "neighbours refused: the guarded store is of another tenant or collection than the "
            "transform"
        )

    def search(vectors: Matrix, count: int) -> list[Sequence[Hit]]:
        return [_nearest(store, np.asarray(vector), count) for vector in vectors]

    return search


def embedded_by(embedding: BaseEmbedding) -> Matrix:
    """Return the shipped probe queries as unit vectors (p, d) of a model; takes some seconds."""
    rows = [embedding.get_query_embedding(probe) for probe in shipped_probes()]
    return unit_rows(np.array(rows, dtype=np.float32))


def _nearest(store: GuardedVectorStore, vector: Vector, count: int) -> list[Hit]:
    asked = VectorStoreQuery(
        query_embedding=[float(value) for value in vector], similarity_top_k=count
    )
    points = [point_of(node) for node in store.query(asked).nodes or ()]
    own = unit_rows(vector)
    return [Hit(point=each, score=float(unit_rows(each.vector) @ own)) for each in points]
