"""A LlamaIndex vector store that holds another one to a tenant and to its signatures.

- INVARIANT: the inner store is never asked for nodes without the tenant's filter, but for the ids
  that are about to be written; what it returns is checked again, and one foreign node refuses all.
- INVARIANT: only ids that were read and found to be the tenant's are deleted.
- INVARIANT: a node whose proof or vector does not verify, whose sealed text does not open, or
  whose access label does not admit the context or is not the ledger's, is never returned.
- What the inner store offers beyond LlamaIndex's contract (native filters, its client) is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from ..core.chunk import checked_matrix
from ..core.errors import (
    IsolationError,
    ProvenanceError,
    RagbastionError,
    SealError,
    StoreError,
    UsageError,
)
from ..core.events import EventSink
from ..ingest.provenance import ChunkVerifier
from ..tenancy import DocumentAccess, PayloadCipher, TenantContext
from .llama_access import NodeAccess, hide_label
from .llama_filters import ScopedFilters, equals, one_of
from .llama_labels import NodeLabels
from .llama_nodes import ID, TENANT, hide_reserved, is_own
from .llama_reading import NodeReader, batches, implements, takes
from .llama_sealing import NodeSealing
from .llama_traits import StoreTraits, traits_of
from .llama_verifying import NodeVerifier
from .retrieval import require_context, require_type

_MAX_FETCHED = 1_000
"""A reader to whom so many nearer nodes are closed gets what is left of them, if any."""


class GuardedVectorStore(BasePydanticVectorStore):
    """Wraps any LlamaIndex vector store that gives nodes back with their embeddings.

    Takes nodes that `ProvenanceTransform` signed for the context's tenant, and returns only those.
    ``traits`` says what a store can do that is not Qdrant's, Chroma's or PostgreSQL's; what it
    cannot is refused. ``access`` holds nodes to the access labels in their metadata, ``cipher``
    seals texts before the inner store gets them. Errors of the inner store become `StoreError`
    without their text, which may quote another tenant's values.
    """

    stores_text: bool = True
    is_embedding_query: bool = True
    collection: str

    _inner: BasePydanticVectorStore = PrivateAttr()
    _context: TenantContext = PrivateAttr()
    _events: EventSink = PrivateAttr()
    _traits: StoreTraits = PrivateAttr()
    _verify: NodeVerifier = PrivateAttr()
    _only: ScopedFilters = PrivateAttr()
    _reader: NodeReader = PrivateAttr()
    _access: NodeAccess = PrivateAttr()
    _sealing: NodeSealing = PrivateAttr()

    def __init__(
        self,
        inner: BasePydanticVectorStore,
        *,
        context: TenantContext,
        verifier: ChunkVerifier,
        events: EventSink,
        collection: str,
        traits: StoreTraits | None = None,
        access: DocumentAccess | None = None,
        cipher: PayloadCipher | None = None,
    ) -> None:
        # By type, so that nothing read from a request passes for what a verifier vouched for.
        require_type(context)
        if not isinstance(inner, BasePydanticVectorStore):
            raise UsageError("guarded store refused: it wraps a vector store of LlamaIndex")
        if not inner.stores_text:
            raise UsageError(
                f"{inner.class_name()} keeps no text, so there is nothing to verify: use one that "
                "stores text"
            )
        super().__init__(collection=collection)  # type: ignore[call-arg]  # a pydantic field
        self._inner = inner
        self._context = context
        self._events = events
        self._traits = traits or traits_of(inner)
        self._verify = NodeVerifier(verifier, collection, inner.class_name())
        labels = NodeLabels(verifier.labels, collection, context.tenant)
        self._access = NodeAccess(access, context, self._traits, labels)
        self._sealing = NodeSealing(cipher, context.tenant)
        readable = self._access.condition
        self._only = ScopedFilters(
            context.tenant, self._traits, readable, self._sealing.refuse_keys
        )
        self._reader = NodeReader(inner, context.tenant, self._traits, readable)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionGuardedVectorStore"

    @property
    def tenant(self) -> str:
        """The one tenant that the store is held to."""
        return self._context.tenant

    @property
    def client(self) -> Any:
        """Refused: the inner client knows no tenant."""
        with self._serving("client", {}):
            raise IsolationError(
                "the inner store's client is not given out, since it would reach every tenant: use "
                "GuardedQdrantClient for calls of its own"
            )

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add signed nodes of the tenant; one that is foreign or does not verify refuses all.

        A node that the tenant already has under the same id is replaced.
        """
        with self._serving("add", kwargs):
            for node in nodes:
                self._require_own(node)
            for outcome in self._verify(nodes):
                if isinstance(outcome, ProvenanceError):
                    raise outcome
            # The last of two nodes with one id counts: stores differ in what they do with both.
            latest = list({node.node_id: node for node in nodes}.values())
            stored = self._held([node.node_id for node in latest])
            labelled = self._access.labelled(latest, stored)
            written = self._sealing.sealed(labelled)
            self._access.noted(labelled, stored)
            if stored and not self._traits.replaces:
                self._delete(list(stored.values()))
            for some in batches(written):
                self._inner.add(some)
            self._access.settled(labelled)
            return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the tenant's nodes of a document."""
        with self._serving("delete", delete_kwargs):
            self._delete_matching(self._only(None, equals("doc_id", ref_doc_id)))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete those of the ids, or what the filters match, that are the tenant's."""
        with self._serving("delete_nodes", delete_kwargs):
            if node_ids is None and (filters is None or not filters.filters):
                raise UsageError(
                    "nothing named to delete: name node ids or filters, or call clear()"
                )
            if node_ids is None:
                self._delete_matching(self._only(filters))
            elif node_ids:
                self._delete(self._access.changeable(self._chosen(node_ids, filters)))

    def clear(self) -> None:
        """Delete every node of the tenant."""
        with self._serving("clear", {}):
            self._delete_matching(self._only())

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return those of the nodes that are the tenant's and verify."""
        with self._serving("get_nodes", {}):
            if node_ids is None:
                return self._passed(self._matching(self._only(filters)))
            return self._passed(self._chosen(node_ids, filters))

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Search within the tenant; nodes that do not verify are left out and audited."""
        with self._serving("query", kwargs):
            confined = self._confined(query)
            if not self._reader.holds_anything():
                return VectorStoreQueryResult(nodes=[], ids=[], similarities=[])
            found, admitted = self._searched(confined)
            ids, scores = list(found.ids or []), list(found.similarities or [])
            good = {node.node_id: node for node in self._passed(admitted)}
            kept = [(at, key) for at, key in enumerate(ids) if key in good]
            kept = kept[: query.similarity_top_k]
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

    @contextmanager
    def _serving(self, method: str, extra: dict[str, Any]) -> Iterator[None]:
        """Refuse an expired context and native options; report refusals, hide foreign errors."""
        require_context(self._context, self._events)
        try:
            if extra:
                # Qdrant's `qdrant_filters`, for one, replaces the metadata filters.
                raise IsolationError(
                    f"option '{sorted(extra)[0]}' refused: what the inner store does with it is "
                    "not known to keep to the tenant"
                )
            yield
        except IsolationError as error:
            self._record("tenancy.refused", "refused", {"method": method, "reason": str(error)})
            raise
        except RagbastionError:
            raise
        except Exception as error:  # noqa: BLE001  # its text may be foreign
            raise StoreError(
                f"{self._inner.class_name()} could not serve {method} ({type(error).__name__}): "
                "see the store's own log"
            ) from None

    def _confined(self, query: VectorStoreQuery) -> VectorStoreQuery:
        """Return a copy of a query whose every choice of nodes is a filter under the tenant's."""
        self._sealing.refuse_words(query)
        native = [name for name in ("output_fields", "embedding_field") if getattr(query, name)]
        if native:
            raise IsolationError(
                f"query field '{native[0]}' refused: it chooses what the inner store returns"
            )
        if query.similarity_top_k < 1:
            raise UsageError("similarity_top_k must be at least 1")
        if (vector := query.query_embedding) is not None:
            checked_matrix([vector], len(vector))
        named = [("doc_id", query.doc_ids), (ID, query.node_ids)]
        chosen = [one_of(key, values) for key, values in named if values]
        return replace(
            query, filters=self._only(query.filters, *chosen), doc_ids=None, node_ids=None
        )

    def _searched(
        self, confined: VectorStoreQuery
    ) -> tuple[VectorStoreQueryResult, list[BaseNode]]:
        """Return an answer and those of its nodes that may be read.

        A store that cannot express all of the rule is asked for more, until there are enough.
        """
        wanted = asked = confined.similarity_top_k
        while True:
            found = self._inner.query(replace(confined, similarity_top_k=asked))
            ids = list(found.ids or [])
            admitted = self._access.admitted(self._whole(found, ids))
            enough = len(admitted) >= wanted or not self._access.given
            if enough or len(ids) < asked or asked >= _MAX_FETCHED:
                return found, admitted
            asked = min(2 * asked, _MAX_FETCHED)

    def _whole(self, found: VectorStoreQueryResult, ids: Sequence[str]) -> list[BaseNode]:
        """Return a result's nodes with their vectors, which most queries leave out."""
        nodes = list(found.nodes or [])
        foreign = [node.node_id for node in nodes if not is_own(node, self._context.tenant)]
        if foreign or (nodes and [node.node_id for node in nodes] != list(ids)):
            raise self._foreign(foreign)
        if nodes and all(node.embedding is not None for node in nodes):
            return nodes
        own, foreign = self._reader.by_ids(ids) if ids else ([], [])
        if foreign:
            raise self._foreign(foreign)
        return own

    def _matching(self, filters: MetadataFilters) -> list[BaseNode]:
        own, foreign = self._reader.matching(filters)
        if foreign:
            raise self._foreign(foreign)
        return self._access.admitted(own)

    def _chosen(self, ids: Sequence[str], filters: MetadataFilters | None) -> list[BaseNode]:
        """Return the tenant's nodes of these ids that the filters match."""
        if not ids:
            return []
        if filters is not None and filters.filters:
            return self._matching(self._only(filters, one_of(ID, ids)))
        own, foreign = self._reader.by_ids(ids)
        if foreign and not self._reader.ignores_filters(foreign):
            raise self._foreign(foreign)
        if foreign:
            # This store gives out any id that it is asked for: raising would tell that it exists.
            detail = {"nodes": foreign, "reason": "the store ignores filters in get_nodes"}
            self._record("tenancy.refused", "withheld", detail)
        return self._access.admitted(own)

    def _delete_matching(self, filters: MetadataFilters) -> None:
        self._delete(self._access.changeable(self._matching(filters)))

    def _delete(self, nodes: Sequence[BaseNode]) -> None:
        """Delete nodes that were read and found to be the tenant's."""
        if nodes and not implements(self._inner, "delete_nodes"):
            raise StoreError(
                f"{self._inner.class_name()} offers no delete_nodes, and its delete would reach "
                "other tenants' documents of the same name: use a store that does"
            )
        filtered = takes(self._inner.delete_nodes, "filters")
        # The tenant alone: a label changed past the guard must not keep a node from its owner.
        own = ScopedFilters(self._context.tenant, self._traits)
        for some in batches([node.node_id for node in nodes]):
            more = {"filters": own()} if filtered else {}
            self._inner.delete_nodes(some, **more)

    def _held(self, ids: Sequence[str]) -> dict[str, BaseNode]:
        """Return the tenant's nodes under the ids; refuse if another tenant's node stands there.

        Ids are made from the tenant's name, so a foreign one was written past the guard.
        """
        if not ids or not self._reader.can_read:
            if ids and self._access.given:
                raise StoreError(
                    f"{self._inner.class_name()} offers no get_nodes, so the label of what is "
                    "written over cannot be read: use a store that does"
                )
            return {}
        own, foreign = self._reader.held(ids)
        if foreign:
            raise self._foreign(foreign)
        return {node.node_id: node for node in own}

    def _require_own(self, node: BaseNode) -> None:
        if node.metadata.get(TENANT) is None:
            raise ProvenanceError(
                f"node {node.node_id} is unsigned: run ProvenanceTransform after the embedding"
            )
        if not is_own(node, self._context.tenant):
            raise IsolationError(f"node {node.node_id} is not of tenant '{self._context.tenant}'")

    def _passed(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Return the nodes that open and verify; audit the others."""
        passed: list[BaseNode] = []
        failed: dict[str, str] = {}
        opened: list[BaseNode] = []
        for node, outcome in zip(nodes, self._sealing.opened(nodes), strict=True):
            if isinstance(outcome, SealError):
                failed[node.node_id] = str(outcome)
            else:
                opened.append(outcome)
        for node, proven in zip(opened, self._verify(opened), strict=True):
            if isinstance(proven, ProvenanceError):
                failed[node.node_id] = str(proven)
            elif reason := self._access.problem(node):
                failed[node.node_id] = reason
            else:
                hide_reserved(node)
                hide_label(node)
                passed.append(node)
        if failed:
            self._record("retrieve.dropped", "dropped", {"nodes": failed})
        return passed

    def _foreign(self, ids: Sequence[str]) -> IsolationError:
        """Record which ids came back, for the operator, and return the caller's error."""
        self._record("tenancy.foreign", "refused", {"nodes": sorted(ids)})
        return IsolationError(
            "the store answered with nodes that are not the tenant's; nothing was returned or "
            "changed: check that it keeps to filters and that all writers are guarded"
        )

    def _record(self, kind: str, outcome: str, detail: dict[str, Any]) -> None:
        self._events.emit(
            self._context.event(
                kind,
                outcome,
                subject=self.collection,
                detail=detail,
            )
        )
