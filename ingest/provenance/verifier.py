"""Verify chunks as they leave the store; only what this returns may be called verified.

- INVARIANT: a chunk is returned only if its text, metadata, tenant, source, document, position, id,
  collection and vector are those that a registered, unrevoked key signed.
- INVARIANT: trust and revocation are read on every call, so a change takes effect at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from ...core.chunk import Chunk, Integrity, labelled
from ...core.errors import InputError, ProvenanceError
from ...core.settings import ProvenanceSettings
from .envelope import open_sealed
from .leaf import chunk_leaf
from .merkle import root_from_path
from .proof import ChunkProof
from .registry import SourceRegistry
from .statement import BatchStatement
from .vector_check import VectorCheck, VectorState

_MAX_CACHED_STATEMENTS = 10_000

_BOUND = VectorState.BOUND

ProofOrNone = ChunkProof | None


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
        trust = _TrustNow(self._registry, self._settings)
        outcomes: list[Chunk | ProvenanceError | None] = [None] * len(pairs)
        vectors, waiting = VectorCheck(), []
        for at, (chunk, proof) in enumerate(pairs):
            try:
                if proof is None:
                    raise ProvenanceError(
                        f"chunk {chunk.id} is unsigned: ingest its document again"
                    )
                statement = self._statement(chunk, proof, collection_uid, trust)
                vectors.add(chunk.vector, proof.sketch, statement.version)
                waiting.append((at, chunk, proof, statement))
            except ProvenanceError as error:
                outcomes[at] = error
        for (at, chunk, proof, statement), state in zip(waiting, vectors.states(), strict=True):
            try:
                if state is not _BOUND:
                    raise _not_its_vector(chunk, state)
                _check_leaf(chunk, proof, statement)
                outcomes[at] = labelled(chunk, trust.integrity(chunk))
            except ProvenanceError as error:
                outcomes[at] = error
        return [outcome for outcome in outcomes if outcome is not None]

    def source_count(self, tenant: str, collection_uid: str) -> int:
        """Return how many sources of the tenant have signed for the collection."""
        return self._registry.source_count(tenant, collection_uid)

    def close(self) -> None:
        """Close the registry."""
        self._registry.close()

    def _statement(
        self, chunk: Chunk, proof: ChunkProof, collection_uid: str, trust: _TrustNow
    ) -> BatchStatement:
        """Return what was signed of the chunk's batch, by a key that may speak for it now."""
        statement = self._statements.get(proof.envelope)
        if statement is None:
            # Without its documents, of which there may be thousands.
            statement = self._open(chunk, proof).without_facts()
            if len(self._statements) >= _MAX_CACHED_STATEMENTS:
                self._statements.clear()
            self._statements[proof.envelope] = statement
        trust.require_key(chunk, statement)
        claimed = (chunk.tenant, chunk.source, collection_uid)
        if claimed != (statement.tenant, statement.source, statement.collection_uid):
            raise ProvenanceError(
                f"chunk {chunk.id} was signed for another tenant, source or collection: it was "
                "moved; ingest its document again"
            )
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


class _TrustNow:
    """Keys and sources as the registry has them at one call; each is read once a call."""

    def __init__(self, registry: SourceRegistry, settings: ProvenanceSettings) -> None:
        self._key = lru_cache(maxsize=None)(registry.key)
        self._source = lru_cache(maxsize=None)(registry.source)
        self._untrusted = settings.untrusted_sources

    def require_key(self, chunk: Chunk, statement: BatchStatement) -> None:
        """Raise unless the signing key is registered for the statement's source and not revoked."""
        key = self._key(statement.key_id)
        names = {f"source/{statement.source}", f"reviewer/{statement.reviewer}"}
        if key is None or key.tenant != statement.tenant or key.name not in names:
            raise ProvenanceError(f"chunk {chunk.id} was signed by a key not registered for it")
        if key.revoked:
            raise ProvenanceError(f"chunk {chunk.id} was signed by a key that is revoked")

    def integrity(self, chunk: Chunk) -> Integrity:
        """Return the label of a chunk that verified."""
        record = self._source(chunk.tenant, chunk.source)
        if record is None or not record.trusted:
            return Integrity.UNTRUSTED
        untrusted = any(fnmatchcase(chunk.source, each) for each in self._untrusted)
        return Integrity.UNTRUSTED if untrusted else Integrity.TRUSTED


def _not_its_vector(chunk: Chunk, state: VectorState) -> ProvenanceError:
    if state is VectorState.UNUSABLE:
        return ProvenanceError(
            f"chunk {chunk.id} has no usable vector or sketch: embed and ingest it again"
        )
    return ProvenanceError(
        f"chunk {chunk.id} has another vector than was signed: embed and ingest it again"
    )


def _check_leaf(chunk: Chunk, proof: ChunkProof, statement: BatchStatement) -> None:
    try:
        leaf = chunk_leaf(chunk, statement.collection_uid, proof.sketch, statement.version)
    except InputError as error:
        raise ProvenanceError(f"chunk {chunk.id} is altered: it has no canonical form") from error
    root = root_from_path(leaf, proof.index, statement.tree_size, proof.path)
    if root is None or root.hex() != statement.root:
        raise ProvenanceError(
            f"chunk {chunk.id} is altered: its text, metadata, id or place is not what was "
            "signed; ingest its document again"
        )
