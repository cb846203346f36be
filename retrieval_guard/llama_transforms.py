"""LlamaIndex transforms for an `IngestionPipeline`: scan nodes, and sign those with embeddings.

IngestionPipeline(
transformations=[splitter, ScanTransform(...), embedding, ProvenanceTransform(...)],
vector_store=GuardedVectorStore(...),
)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from ..core.chunk import Digest, DocumentId, TenantId
from ..core.errors import ProvenanceError
from ..core.events import Event, EventSink
from ..core.verdict import Decision, Verdict
from ..ingest.provenance import BatchFacts, BatchSigner
from ..ingest.quarantine import Quarantine, QuarantineKey
from ..ingest.scanner import Scanner
from .llama_nodes import attach, chunk_of, collection_named, stamp


class ScanTransform(TransformComponent):
    """Drops nodes that hold instructions aimed at a model, and keeps them in quarantine if given.

    Reads what a model would read of a node: its text with its metadata. The fields are what
    LlamaIndex's cache tells one scan from another by.
    """

    tenant: str
    source: str
    collection: str
    version: str

    _scanner: Scanner = PrivateAttr()
    _events: EventSink = PrivateAttr()
    _quarantine: Quarantine | None = PrivateAttr(default=None)

    def __init__(
        self,
        scanner: Scanner,
        events: EventSink,
        *,
        tenant: str,
        source: str,
        collection: str,
        quarantine: Quarantine | None = None,
    ) -> None:
        told = {"tenant": tenant, "source": source, "collection": collection}
        super().__init__(**told, version=scanner.version)  # type: ignore[call-arg]
        self._scanner = scanner
        self._events = events
        self._quarantine = quarantine

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionScanTransform"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Return the nodes whose scan does not quarantine them, in order."""
        texts = [node.get_content(metadata_mode=MetadataMode.LLM) for node in nodes]
        verdicts = self._scanner.scan_batch(texts)
        kept: list[BaseNode] = []
        for node, text, verdict in zip(nodes, texts, verdicts, strict=True):
            if verdict.decision < Decision.QUARANTINE:
                kept.append(node)
            else:
                self._hold(node, text, verdict)
        return kept

    def _hold(self, node: BaseNode, text: str, verdict: Verdict) -> None:
        held = ""
        if self._quarantine is not None:
            raw = text.encode("utf-8", "surrogatepass")
            key = QuarantineKey(
                tenant=TenantId(self.tenant),
                collection=self.collection,
                source=self.source,
                document=DocumentId(str(node.ref_doc_id or node.node_id)),
                digest=Digest(hashlib.sha256(raw).hexdigest()),
            )
            held = self._quarantine.add(key, raw, "text/plain", verdict)
        self._events.emit(
            Event(
                kind="ingest.quarantined",
                tenant=self.tenant,
                subject=held or node.node_id,
                outcome=verdict.decision.value,
                detail={
                    "node": node.node_id,
                    "source": self.source,
                    "findings": [finding.detector for finding in verdict.findings],
                },
            )
        )


class ProvenanceTransform(TransformComponent):
    """Signs nodes as one batch of a tenant's source; comes after the embedding.

    Gives each node its reserved metadata and a new id, scoped to the tenant. ``facts`` is what the
    signature says of how the nodes came to be: model, chunker, scanners.
    """

    tenant: str
    source: str
    collection: str

    _signer: BatchSigner = PrivateAttr()
    _facts: BatchFacts | None = PrivateAttr(default=None)

    def __init__(
        self,
        signer: BatchSigner,
        *,
        tenant: str,
        source: str,
        collection: str,
        facts: BatchFacts | None = None,
    ) -> None:
        told = {"tenant": tenant, "source": source, "collection": collection}
        super().__init__(**told)
        self._signer = signer
        self._facts = facts

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionProvenanceTransform"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Return the nodes with their proofs; raise `ProvenanceError` for one not embedded."""
        if not nodes:
            return nodes
        for position, node in enumerate(nodes):
            if node.embedding is None:
                raise ProvenanceError(
                    f"node {node.node_id} has no embedding: put ProvenanceTransform after the "
                    "embedding model"
                )
            stamp(node, tenant=self.tenant, source=self.source, position=position)
        uid = collection_named(self.collection).uid
        chunks = [chunk_of(node) for node in nodes]
        proofs = self._signer.sign(chunks, collection_uid=uid, facts=self._facts)
        for node, proof in zip(nodes, proofs, strict=True):
            attach(node, proof)
        return nodes
