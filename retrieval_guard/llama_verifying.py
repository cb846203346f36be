"""Verifies LlamaIndex nodes against the proofs that they carry."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.schema import BaseNode

from ..core.chunk import Chunk
from ..core.errors import ProvenanceError, StoreError
from ..ingest.provenance import ChunkProof, ChunkVerifier
from .llama_nodes import chunk_of, collection_named, proof_of


class NodeVerifier:
    """Verifies nodes of one collection; ``store`` names the store in errors."""

    def __init__(self, verifier: ChunkVerifier, collection: str, store: str) -> None:
        verifier.require_ledger()
        self._verifier = verifier
        self._name = collection
        self._uid = collection_named(collection).uid
        self._store = store

    def __call__(self, nodes: Sequence[BaseNode]) -> list[Chunk | ProvenanceError]:
        """Return, in order, what each node proves to be, or why it does not.

        Raises `RollbackError` for a ledger that was put back, and `StoreError` for a node without
        its vector, which nothing can be verified against.
        """
        outcomes: dict[int, Chunk | ProvenanceError] = {}
        pairs: dict[int, tuple[Chunk, ChunkProof | None]] = {}
        for at, node in enumerate(nodes):
            try:
                pairs[at] = self._claimed(node)
            except ProvenanceError as error:
                outcomes[at] = error
        checked = self._verifier.verify_batch(
            list(pairs.values()), collection_uid=self._uid, collection=self._name
        )
        self._verifier.require_ledger()
        outcomes.update(zip(pairs, checked, strict=True))
        return [outcomes[at] for at in range(len(nodes))]

    def _claimed(self, node: BaseNode) -> tuple[Chunk, ChunkProof | None]:
        if node.embedding is None:
            raise StoreError(
                f"{self._store} gives no embeddings back, so nothing can be verified: use a store "
                "whose get_nodes returns them"
            )
        return chunk_of(node), proof_of(node)
