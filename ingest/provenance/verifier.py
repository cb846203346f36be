"""Verify chunks as they leave the store; only what this returns may be called verified.

- INVARIANT: a chunk is returned only if its text, metadata, tenant, source, document, position, id,
  collection and vector are those that a registered, unrevoked key signed.
- INVARIANT: trust and revocation are read on every call, so a change takes effect at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ...core.chunk import Chunk, Integrity
from ...core.errors import InputError, ProvenanceError
from ...core.settings import ProvenanceSettings
from .envelope import BatchStatement, open_sealed
from .merkle import root_from_path
from .proof import ChunkProof, chunk_leaf
from .registry import SourceRegistry
from .sketch import MAX_FLIPPED_BITS, SKETCH_BITS, flipped_bits, sketch_vectors

_MAX_CACHED_STATEMENTS = 10_000


class ChunkVerifier:
    """Checks chunks against their proofs, the registry of keys and the trust in sources."""

    def __init__(self, state_dir: Path, settings: ProvenanceSettings | None = None) -> None:
        self._registry = SourceRegistry(state_dir)
        self._settings = settings or ProvenanceSettings()
        self._statements: dict[str, BatchStatement] = {}

    def verify(self, chunk: Chunk, proof: ChunkProof | None, *, collection_uid: str) -> Chunk:
        """Return the chunk with its integrity label, or raise `ProvenanceError`."""
        [outcome] = self.verify_batch([(chunk, proof)], collection_uid=collection_uid)
        if isinstance(outcome, ProvenanceError):
            raise outcome
        return outcome

    def verify_batch(
        self, pairs: Sequence[tuple[Chunk, ProofOrNone]], *, collection_uid: str
    ) -> list[Chunk | ProvenanceError]:
        """Return, in order, each chunk with its label, or the error that says why it failed."""
        outcomes: list[Chunk | ProvenanceError] = []
        for chunk, proof in pairs:
            try:
                outcomes.append(self._verified(chunk, proof, collection_uid))
            except ProvenanceError as error:
                outcomes.append(error)
        return outcomes

    def source_count(self, tenant: str, collection_uid: str) -> int:
        """Return how many sources of the tenant have signed for the collection."""
        return self._registry.source_count(tenant, collection_uid)

    def close(self) -> None:
        """Close the registry."""
        self._registry.close()

    def _verified(self, chunk: Chunk, proof: ProofOrNone, collection_uid: str) -> Chunk:
        if proof is None:
            raise ProvenanceError(f"chunk {chunk.id} is unsigned: ingest its document again")
        statement = self._statement(chunk, proof)
        claimed = (chunk.tenant, chunk.source, collection_uid)
        if claimed != (statement.tenant, statement.source, statement.collection_uid):
            raise ProvenanceError(
                f"chunk {chunk.id} was signed for another tenant, source or collection: it was "
                "moved; ingest its document again"
            )
        _check_vector(chunk, proof)
        _check_leaf(chunk, proof, statement)
        return replace(chunk, integrity=self._integrity(chunk))

    def _statement(self, chunk: Chunk, proof: ChunkProof) -> BatchStatement:
        statement = self._statements.get(proof.envelope)
        if statement is None:
            statement = self._open(chunk, proof)
            if len(self._statements) >= _MAX_CACHED_STATEMENTS:
                self._statements.clear()
            self._statements[proof.envelope] = statement
        key = self._registry.key(statement.key_id)
        names = {f"source/{statement.source}", f"reviewer/{statement.reviewer}"}
        if key is None or key.tenant != statement.tenant or key.name not in names:
            raise ProvenanceError(f"chunk {chunk.id} was signed by a key not registered for it")
        if key.revoked:
            raise ProvenanceError(f"chunk {chunk.id} was signed by a key that is revoked")
        return statement

    def _open(self, chunk: Chunk, proof: ChunkProof) -> BatchStatement:
        kept = self._registry.envelope(proof.envelope)
        key = kept and self._registry.key(kept[1])
        if kept is None or not key:
            raise ProvenanceError(
                f"chunk {chunk.id} names an envelope that this state folder does not hold: use "
                "the state folder that signed it, or ingest its document again"
            )
        return open_sealed(kept[0], key.public_pem)

    def _integrity(self, chunk: Chunk) -> Integrity:
        record = self._registry.source(chunk.tenant, chunk.source)
        if record is None or not record.trusted:
            return Integrity.UNTRUSTED
        patterns = self._settings.untrusted_sources
        untrusted = any(fnmatchcase(chunk.source, each) for each in patterns)
        return Integrity.UNTRUSTED if untrusted else Integrity.TRUSTED


ProofOrNone = ChunkProof | None


def _check_vector(chunk: Chunk, proof: ChunkProof) -> None:
    if chunk.vector is None or not np.isfinite(chunk.vector).all():
        raise ProvenanceError(f"chunk {chunk.id} has no usable vector: embed and ingest it again")
    if len(proof.sketch) * 8 != SKETCH_BITS:
        raise ProvenanceError(f"chunk {chunk.id} has a malformed proof: ingest it again")
    signed = np.frombuffer(proof.sketch, dtype=np.uint8)[None, :]
    flipped = flipped_bits(sketch_vectors(chunk.vector[None, :]), signed)[0]
    if flipped > MAX_FLIPPED_BITS:
        raise ProvenanceError(
            f"chunk {chunk.id} has another vector than was signed ({flipped} of {SKETCH_BITS} "
            "sketch bits differ): embed and ingest it again"
        )


def _check_leaf(chunk: Chunk, proof: ChunkProof, statement: BatchStatement) -> None:
    try:
        leaf = chunk_leaf(chunk, statement.collection_uid, proof.sketch)
    except InputError as error:
        raise ProvenanceError(f"chunk {chunk.id} is altered: it has no canonical form") from error
    root = root_from_path(leaf, proof.index, statement.tree_size, proof.path)
    if root is None or root.hex() != statement.root:
        raise ProvenanceError(
            f"chunk {chunk.id} is altered: its text, metadata, id or place is not what was "
            "signed; ingest its document again"
        )
