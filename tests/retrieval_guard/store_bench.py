"""Two tenants' signed nodes in one store, with colliding ids, documents, vectors and metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from llama_index.core.schema import BaseNode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
)
from ragbastion import TenantContext
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.retrieval_guard import GuardedVectorStore, ProvenanceTransform

from .conftest import context
from .store_backends import DIMENSION, Backend, Rows

METADATA: tuple[dict[str, Any], ...] = (
    {"lang": "en", "year": 2020},
    {"lang": "de", "year": 2021},
    {"lang": "O'Brien", "year": 2022},
    {"lang": "en"},
    {"year": 2023},
    {},
)
Wrap = Callable[[BasePydanticVectorStore, TenantContext], BasePydanticVectorStore]


def vector(seed: str) -> list[float]:
    """Return a unit vector that depends on the text alone."""
    number = int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16)
    drawn = np.random.default_rng(number).normal(size=DIMENSION)
    return [float(value) for value in drawn / np.linalg.norm(drawn)]


def asked(k: int = 50, **more: Any) -> VectorStoreQuery:
    """Return a query for the k nearest."""
    return VectorStoreQuery(query_embedding=vector("0"), similarity_top_k=k, **more)


class StoreBench:
    """A backend with the nodes of 'acme' and 'globex', and a store wrapped for each."""

    def __init__(self, backend: Backend, signer: BatchSigner, verifier: ChunkVerifier) -> None:
        self.backend = backend
        self.signer = signer
        self.verifier = verifier
        self.events = MemoryEventSink()
        self.wrap: Wrap = self._guarded
        self.nodes = {name: self.signed(name) for name in ("acme", "globex")}
        for name, nodes in self.nodes.items():
            self.guarded(name).add(nodes)

    def signed(self, tenant: str, *origins: int) -> list[BaseNode]:
        """Return signed nodes of a tenant; each tenant's have the same names and vectors."""
        chosen = origins or range(len(METADATA))
        nodes = [_node(tenant, at) for at in chosen]
        sign = ProvenanceTransform(
            self.signer, tenant=tenant, source="handbook", collection="shared"
        )
        return list(sign(nodes))

    def guarded(self, tenant: str) -> BasePydanticVectorStore:
        """Return the tenant's guarded store, whatever the bench wraps by."""
        who = context(tenant=tenant)
        return self._guarded(self.backend.inner(who), who)

    def store(self, tenant: str = "acme") -> BasePydanticVectorStore:
        """Return the tenant's store as wrapped."""
        who = context(tenant=tenant)
        return self.wrap(self.backend.inner(who), who)

    def plant(self, node: BaseNode, tenant: str = "globex") -> None:
        """Write a node past the guard."""
        self.backend.inner(context(tenant=tenant)).add([node])

    def ids(self, tenant: str = "acme") -> list[str]:
        """Return the ids of a tenant's nodes, sorted."""
        return sorted(node.node_id for node in self.nodes[tenant])

    def rows(self, tenant: str = "globex") -> Rows:
        """Return a tenant's stored rows, raw."""
        return [row for row in self.backend.rows() if row[0] == tenant]

    def matching(self, filters: MetadataFilters | None = None, **more: Any) -> list[str]:
        """Return the ids, sorted, that acme's query finds."""
        return sorted(self.store().query(asked(filters=filters, **more)).ids or [])

    def _guarded(
        self, inner: BasePydanticVectorStore, who: TenantContext
    ) -> BasePydanticVectorStore:
        return GuardedVectorStore(
            inner,
            context=who,
            verifier=self.verifier,
            events=self.events,
            collection="shared",
        )


def _node(tenant: str, at: int) -> TextNode:
    document = RelatedNodeInfo(node_id=f"doc-{at % 2}")
    return TextNode(
        id_=f"n{at}",
        text=f"Note {at} of {tenant}.",
        embedding=vector(str(at)),
        metadata=dict(METADATA[at]),
        relationships={NodeRelationship.SOURCE: document},
    )
