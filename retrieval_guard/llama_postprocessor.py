"""A LlamaIndex postprocessor that puts retrieved nodes through the whole `RetrievalGuard`."""

from __future__ import annotations

import logging

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ..core.errors import ProvenanceError, UsageError
from ..core.store import Hit
from ..core.verdict import Decision
from ..tenancy import TenantContext
from .llama_measured import unit_rows
from .llama_nodes import collection_named, point_of
from .observing import QueryObserver
from .results import Retrieval, ServedChunk
from .retrieval import RetrievalGuard

_LOGGER = logging.getLogger(__name__)
_EVIDENCE = frozenset({"document", "answer_id", "voice", "support", "marks"})
"""What a returned node tells a program and no model."""


class RetrievalGuardPostprocessor(BaseNodePostprocessor):
    """Verifies, permits, corroborates, strips and redacts nodes; returns at most ``limit``.

    Let the retriever fetch several times ``limit``, so that what falls away can be replaced. If a
    step fails no node is returned, and a warning is logged beside the audit event. A returned node
    holds the guarded text, and of its metadata a model reads only source and integrity.

    ``observer`` (`Guard.observer` is one) notes queries that come with their embedding, as query
    engines give them on, for the poisoning signals at ingestion.
    """

    collection: str
    limit: int | None = None

    _guard: RetrievalGuard = PrivateAttr()
    _context: TenantContext = PrivateAttr()
    _observer: QueryObserver | None = PrivateAttr()

    def __init__(
        self,
        guard: RetrievalGuard,
        *,
        context: TenantContext,
        collection: str,
        limit: int | None = None,
        observer: QueryObserver | None = None,
    ) -> None:
        super().__init__(collection=collection, limit=limit)  # type: ignore[call-arg]
        self._guard = guard
        self._context = context
        self._observer = observer

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionRetrievalGuardPostprocessor"

    def retrieval(self, nodes: list[NodeWithScore], query: str) -> Retrieval:
        """Return the whole guarded answer over nodes: context, verdict, certificate."""
        hits = [hit for node in nodes if (hit := _hit(node)) is not None]
        return self._guard.guard(
            query, hits, self._context, collection_named(self.collection), limit=self.limit
        )

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise UsageError("the guard needs the query: pass query_str or query_bundle")
        self._note(query_bundle)
        retrieval = self.retrieval(nodes, query_bundle.query_str)
        if retrieval.verdict.decision is Decision.BLOCK:
            _LOGGER.warning("answer %s refused: nothing is returned", retrieval.answer_id)
        return [_guarded(chunk, retrieval.answer_id) for chunk in retrieval.chunks]

    def _note(self, query: QueryBundle) -> None:
        if self._observer is None or query.embedding is None:
            return
        uid = collection_named(self.collection).uid
        vector = unit_rows(np.array(query.embedding, dtype=np.float32))
        self._observer.note(self._context.tenant, uid, query.query_str, vector)


def _hit(node: NodeWithScore) -> Hit | None:
    """Return the hit that a node stands for; one without proof or embedding is no hit at all."""
    try:
        return Hit(point=point_of(node.node), score=node.score or 0.0)
    except ProvenanceError as error:
        _LOGGER.warning("%s", error)
        return None


def _guarded(chunk: ServedChunk, answer_id: str) -> NodeWithScore:
    node = TextNode(
        id_=chunk.id,
        text=chunk.text,
        metadata={
            "source": chunk.source,
            "integrity": chunk.integrity.value,
            "document": chunk.document,
            "answer_id": answer_id,
            "voice": chunk.voice,
            "support": chunk.support,
            "marks": list(chunk.marks),
        },
        excluded_llm_metadata_keys=sorted(_EVIDENCE),
        excluded_embed_metadata_keys=["source", "integrity", *sorted(_EVIDENCE)],
    )
    return NodeWithScore(node=node, score=chunk.score)
