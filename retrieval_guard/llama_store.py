"""A LlamaIndex vector store that holds another one to a tenant and to its signatures.

- INVARIANT: the inner store is never called without the tenant's filter, and what it returns is
  checked again.
- INVARIANT: a node whose proof or vector does not verify is never returned.
- What the inner store offers beyond LlamaIndex's contract (native filters, its client) is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from ..core.chunk import Chunk
from ..core.errors import IsolationError, ProvenanceError, StoreError, UsageError
from ..core.events import Event, EventSink
from ..ingest.provenance import ChunkProof, ChunkVerifier
from ..tenancy import TenantContext
from .llama_nodes import (
    ORIGIN,
    TENANT,
    chunk_of,
    collection_named,
    hide_reserved,
    proof_of,
    scoped_id,
    tenant_filters,
)
from .retrieval import require_context


class GuardedVectorStore(BasePydanticVectorStore):
    """Wraps any LlamaIndex vector store that gives nodes back with their embeddings.

    Takes nodes that `ProvenanceTransform` signed for the context's tenant, and returns only those.
    """

    stores_text: bool = True
    is_embedding_query: bool = True
    collection: str

    _inner: BasePydanticVectorStore = PrivateAttr()
    _context: TenantContext = PrivateAttr()
    _verifier: ChunkVerifier = PrivateAttr()
    _events: EventSink = PrivateAttr()

    def __init__(
        self,
        inner: BasePydanticVectorStore,
        *,
        context: TenantContext,
        verifier: ChunkVerifier,
        events: EventSink,
        collection: str,
    ) -> None:
        if not inner.stores_text:
            raise UsageError(
                f"{inner.class_name()} keeps no text, so there is nothing to verify: use one that "
                "stores text"
            )
        super().__init__(collection=collection)  # type: ignore[call-arg]  # a pydantic field
        self._inner = inner
        self._context = context
        self._verifier = verifier
        self._events = events

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionGuardedVectorStore"

    @property
    def client(self) -> Any:
        """Refused: the inner client knows no tenant."""
        raise IsolationError(
            "the inner store's client is not given out, since it would reach every tenant: use "
            "GuardedQdrantClient for calls of its own"
        )

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add signed nodes of the tenant; one that is foreign or does not verify refuses all."""
        self._begin(kwargs)
        if not nodes:
            return []
        for node in nodes:
            self._require_own(node)
        for outcome in self._verified(nodes):
            if isinstance(outcome, ProvenanceError):
                raise outcome
        return self._inner.add(list(nodes))

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the tenant's nodes of a document."""
        self._begin(delete_kwargs)
        of_document = MetadataFilter(key="doc_id", value=ref_doc_id, operator=FilterOperator.EQ)
        self._inner.delete_nodes(filters=self._only(MetadataFilters(filters=[of_document])))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete those of the ids, or what the filters match, that are the tenant's."""
        self._begin(delete_kwargs)
        if node_ids is None and (filters is None or not filters.filters):
            raise UsageError("nothing named to delete: name node ids or filters, or call clear()")
        if node_ids is None or node_ids:
            self._inner.delete_nodes(node_ids, filters=self._only(filters))

    def clear(self) -> None:
        """Delete every node of the tenant."""
        self._begin({})
        self._inner.delete_nodes(filters=self._only())

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return those of the nodes that are the tenant's and verify."""
        self._begin({})
        if node_ids is not None and not node_ids:
            return []
        return self._passed(self._inner.get_nodes(node_ids, self._only(filters)))

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Search within the tenant; nodes that do not verify are left out and audited."""
        self._begin(kwargs)
        query.filters = self._only(query.filters)
        found = self._inner.query(query)
        ids, scores = list(found.ids or []), list(found.similarities or [])
        # Only nodes with their stored vectors can be verified, and a query returns none of these.
        whole = self._inner.get_nodes(ids, self._only()) if ids else []
        good = {node.node_id: node for node in self._passed(whole)}
        kept = [(at, key) for at, key in enumerate(ids) if key in good]
        return VectorStoreQueryResult(
            nodes=[good[key] for _, key in kept],
            ids=[key for _, key in kept],
            similarities=[scores[at] for at, _ in kept] if scores else None,
        )

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Do as `add`, in a thread."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Do as `delete`, in a thread."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Do as `delete_nodes`, in a thread."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        """Do as `clear`, in a thread."""
        await asyncio.to_thread(self.clear)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Do as `get_nodes`, in a thread."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Do as `query`, in a thread."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    def _begin(self, extra: dict[str, Any]) -> None:
        require_context(self._context, self._events)
        if extra:
            # Qdrant's `qdrant_filters`, for one, replaces the metadata filters.
            raise IsolationError(
                f"option '{sorted(extra)[0]}' refused: what the inner store does with it is not "
                "known to keep to the tenant"
            )

    def _only(self, others: MetadataFilters | None = None) -> MetadataFilters:
        return tenant_filters(self._context.tenant, others)

    def _require_own(self, node: BaseNode) -> None:
        tenant, origin = node.metadata.get(TENANT), node.metadata.get(ORIGIN)
        if tenant is None:
            raise ProvenanceError(
                f"node {node.node_id} is unsigned: run ProvenanceTransform after the embedding"
            )
        if tenant != self._context.tenant or node.node_id != scoped_id(tenant, str(origin)):
            raise IsolationError(f"node {node.node_id} is not of tenant '{self._context.tenant}'")

    def _passed(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Return the nodes that verify; audit the others."""
        passed: list[BaseNode] = []
        failed: dict[str, str] = {}
        for node, outcome in zip(nodes, self._verified(nodes), strict=True):
            if isinstance(outcome, ProvenanceError):
                failed[node.node_id] = str(outcome)
            else:
                hide_reserved(node)
                passed.append(node)
        if failed:
            self._record(failed)
        return passed

    def _verified(self, nodes: Sequence[BaseNode]) -> list[Chunk | ProvenanceError]:
        """Return, in order, what each node proves to be, or why it does not."""
        outcomes: dict[int, Chunk | ProvenanceError] = {}
        pairs: dict[int, tuple[Chunk, ChunkProof | None]] = {}
        for at, node in enumerate(nodes):
            try:
                pairs[at] = self._claimed(node)
            except ProvenanceError as error:
                outcomes[at] = error
        uid = collection_named(self.collection).uid
        checked = self._verifier.verify_batch(list(pairs.values()), collection_uid=uid)
        outcomes.update(zip(pairs, checked, strict=True))
        return [outcomes[at] for at in range(len(nodes))]

    def _claimed(self, node: BaseNode) -> tuple[Chunk, ChunkProof | None]:
        if node.embedding is None:
            raise StoreError(
                f"{self._inner.class_name()} gives no embeddings back, so nothing can be verified: "
                "use a store whose get_nodes returns them"
            )
        chunk = chunk_of(node)
        if chunk.tenant != self._context.tenant:
            raise ProvenanceError(f"node {node.node_id} belongs to another tenant")
        return chunk, proof_of(node)

    def _record(self, failed: dict[str, str]) -> None:
        self._events.emit(
            Event(
                kind="retrieve.dropped",
                tenant=self._context.tenant,
                subject=self.collection,
                outcome="dropped",
                principal=self._context.principal,
                session=self._context.session,
                detail={"nodes": failed},
            )
        )
