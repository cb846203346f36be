"""Step 1: hits become passages only if their provenance verifies for the reader's tenant.

What proves to be a document's is then held to the access label that the ledger has of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core.chunk import Chunk, Integrity
from ..core.errors import ProvenanceError, RelabelledError
from ..core.store import CollectionInfo, Hit
from ..ingest.provenance import ChunkProof, ChunkVerifier, from_point
from .passage import Outcome, Passage
from .results import Dropped

STEP = "verify"
LABEL_STEP = "label"
"""Of its own, since the reader may be one from whom the document is kept."""


class Verification:
    """Verifies each hit and drops what fails, what is another tenant's, and what is too low.

    With ``min_integrity`` "unverified" a chunk that carries no proof passes, labelled so; a chunk
    whose proof does not hold is dropped even then.
    """

    def __init__(self, verifier: ChunkVerifier, min_integrity: Integrity) -> None:
        self._verifier = verifier
        self._minimum = min_integrity

    def __call__(
        self, hits: Sequence[Hit], tenant: str, collection: CollectionInfo
    ) -> list[Outcome]:
        """Return one outcome a hit, in order; raise `RollbackError` for an older ledger."""
        outcomes: list[Outcome | None] = [None] * len(hits)
        waiting: list[tuple[int, Chunk, ChunkProof | None]] = []
        for at, hit in enumerate(hits):
            read = _read(hit, tenant)
            if isinstance(read, Dropped):
                outcomes[at] = read
            else:
                waiting.append((at, *read))
        labelled = self._labelled([(chunk, proof) for _, chunk, proof in waiting], collection)
        self._verifier.require_ledger()
        payloads = (hits[at].point.payload for at, _, _ in waiting)
        held = self._verifier.labels.held_batch(labelled, collection.uid, payloads)
        for (at, claimed, proof), label in zip(waiting, held, strict=True):
            envelope = proof.envelope if proof else ""
            outcomes[at] = self._outcome(claimed, label, hits[at].score, envelope)
        return [outcome for outcome in outcomes if outcome is not None]

    def _labelled(
        self, pairs: Sequence[tuple[Chunk, ChunkProof | None]], collection: CollectionInfo
    ) -> list[Chunk | ProvenanceError]:
        labelled = self._verifier.verify_batch(
            pairs, collection_uid=collection.uid, collection=collection.name
        )
        if self._minimum is not Integrity.UNVERIFIED:
            return labelled
        return [
            chunk if self._may_be_unsigned(chunk, proof) else label
            for (chunk, proof), label in zip(pairs, labelled, strict=True)
        ]

    def _may_be_unsigned(self, chunk: Chunk, proof: ChunkProof | None) -> bool:
        # What only claims to be of a revoked source goes with the source.
        return proof is None and not self._verifier.is_revoked(chunk.tenant, chunk.source)

    def _outcome(
        self, claimed: Chunk, label: Chunk | ProvenanceError, score: float, envelope: str
    ) -> Outcome:
        if isinstance(label, RelabelledError):
            return _dropped(claimed, str(label), LABEL_STEP)
        if isinstance(label, ProvenanceError):
            return _dropped(claimed, str(label))
        if label.integrity < self._minimum:
            return _dropped(label, f"integrity {label.integrity} is below {self._minimum}")
        return Passage(chunk=label, score=score, text=label.text, envelope=envelope)


def _read(hit: Hit, tenant: str) -> tuple[Chunk, ChunkProof | None] | Dropped:
    if not math.isfinite(hit.score):
        reason = "its score is no number to rank by"
        return Dropped(id=hit.point.id, source="", step=STEP, reason=reason)
    try:
        claimed, proof = from_point(hit.point)
    except ProvenanceError as error:
        return Dropped(id=hit.point.id, source="", step=STEP, reason=str(error))
    if claimed.tenant != tenant:
        return _dropped(claimed, f"chunk {claimed.id} belongs to another tenant")
    return claimed, proof


def _dropped(chunk: Chunk, reason: str, step: str = STEP) -> Dropped:
    return Dropped(id=chunk.id, source=chunk.source, step=step, reason=reason)
