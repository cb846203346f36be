"""LlamaIndex transforms for an `IngestionPipeline`: scan nodes, and sign those with embeddings.

IngestionPipeline(
transformations=[splitter, ScanTransform(...), embedding, PoisoningSignalsTransform(...),
ProvenanceTransform(...)],
vector_store=GuardedVectorStore(...),
)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from ..core.errors import UsageError
from ..core.events import EventSink
from ..core.verdict import Decision, Verdict
from ..ingest.ledger import Ledger, LedgerKey
from ..ingest.provenance import BatchFacts, BatchSigner, ChunkProof, DocumentFacts
from ..ingest.quarantine import Quarantine
from ..ingest.scanner import Scanner
from .llama_documents import ledger_entries, loader_facts, version_digests
from .llama_holding import NodeHolding
from .llama_nodes import attach, chunk_of, collection_named, require_embedded, stamp


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
    _holding: NodeHolding = PrivateAttr()

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
        self._holding = NodeHolding(**told, events=events, quarantine=quarantine)

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
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        document = str(node.ref_doc_id or node.node_id)
        self._holding.hold(document, digest, text, verdict, [node.node_id])


class ProvenanceTransform(TransformComponent):
    """Signs nodes as one batch of a tenant's source; comes after the embedding.

    Gives each node its reserved metadata and a new id, scoped to the tenant. ``facts`` is what the
    signature says of how the nodes came to be: model, chunker, scanners; ``documents`` what is
    known of a document by its name, in place of the loader that its nodes tell.

    With the ``ledger`` of the state folder, the nodes of a call are the current version of their
    documents: older ones are refused as replayed from then on. So a call must have all nodes of
    each of its documents, and what a cache brings back without a call stays refused. Raises
    `RollbackError` for a ledger that was put back.
    """

    tenant: str
    source: str
    collection: str

    _signer: BatchSigner = PrivateAttr()
    _facts: BatchFacts | None = PrivateAttr(default=None)
    _documents: Mapping[str, DocumentFacts] = PrivateAttr(default_factory=dict)
    _ledger: Ledger | None = PrivateAttr(default=None)

    def __init__(
        self,
        signer: BatchSigner,
        *,
        tenant: str,
        source: str,
        collection: str,
        facts: BatchFacts | None = None,
        documents: Mapping[str, DocumentFacts] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        told = {"tenant": tenant, "source": source, "collection": collection}
        super().__init__(**told)
        self._signer = signer
        self._facts = facts
        self._documents = documents or {}
        self._ledger = ledger
        if ledger is not None:
            signer.require_ledger(ledger.changes())

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionProvenanceTransform"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Return the nodes with their proofs; raise `ProvenanceError` for one not embedded."""
        if not nodes:
            return nodes
        require_embedded(nodes, "ProvenanceTransform")
        for position, (node, digest) in enumerate(zip(nodes, version_digests(nodes), strict=True)):
            stamp(node, tenant=self.tenant, source=self.source, position=position, digest=digest)
        for node, proof in zip(nodes, self._signed(nodes), strict=True):
            attach(node, proof)
        return nodes

    def withdraw(self, document: str) -> None:
        """Have no version of a document current, as after it was deleted from the store.

        Raises `UsageError` without a ledger.
        """
        self._withdraw(self._required_ledger(), self._key(self.source, document))

    def withdraw_version(self, source: str, document: str, digest: str) -> None:
        """Do as `withdraw` for a document of any source, where this version is the current one.

        A newer version stays. ``digest`` is that of the version, as signed.
        """
        ledger, key = self._required_ledger(), self._key(source, document)
        entry = ledger.find(key)
        if entry is not None and entry.digest == digest:
            self._withdraw(ledger, key)

    def _required_ledger(self) -> Ledger:
        if self._ledger is None:
            raise UsageError("withdrawal refused: give ProvenanceTransform the ledger")
        return self._ledger

    def _key(self, source: str, document: str) -> LedgerKey:
        uid = collection_named(self.collection).uid
        return LedgerKey.of((uid, self.tenant, source, document))

    def _withdraw(self, ledger: Ledger, key: LedgerKey) -> None:
        change = ledger.intend_withdrawal(key)
        self._signer.withdraw((key.tenant, key.collection, key.source), key.document, change)
        ledger.withdraw(key)

    def _signed(self, nodes: Sequence[BaseNode]) -> list[ChunkProof]:
        uid = collection_named(self.collection).uid
        chunks = [chunk_of(node) for node in nodes]
        entries = ledger_entries(chunks, uid)
        told = {**loader_facts(nodes), **self._documents}
        proofs = self._signer.sign(
            chunks,
            collection_uid=uid,
            facts=self._facts,
            documents={(self.source, name): each for name, each in told.items()},
            ledger_changes=self._ledger.intend(entries) if self._ledger else None,
        )
        if self._ledger is not None:
            self._ledger.commit(entries)
        return proofs
