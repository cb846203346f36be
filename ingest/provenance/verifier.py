"""Verify chunks as they leave the store; only what this returns may be called verified.

- INVARIANT: a chunk is returned only if its text, metadata, tenant, source, document, position, id,
  collection and vector are those that a registered, unrevoked key signed.
- INVARIANT: a chunk of a version that its document no longer has is refused, however well signed.
- INVARIANT: trust and revocation are asked for on every call, so a change takes effect at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...core.chunk import Chunk, labelled
from ...core.errors import InputError, MovedError, ProvenanceError
from ...core.settings import ProvenanceSettings
from .current_labels import CurrentLabels
from .current_versions import CurrentVersions
from .leaf import chunk_leaf
from .log.ledger_check import require_ledger_by_file
from .merkle import root_from_path
from .points import chunk_id
from .proof import ChunkProof
from .registry import SourceRegistry
from .source_records import SourceRecord
from .statement import BatchStatement
from .trust import Trust, TrustNow
from .vector_check import VectorCheck, VectorState

_MAX_CACHED_STATEMENTS = 10_000

_BOUND = VectorState.BOUND

ProofOrNone = ChunkProof | None


class ChunkVerifier:
    """Checks chunks against their proofs, the registry of keys and the trust in sources."""

    def __init__(self, state_dir: Path, settings: ProvenanceSettings | None = None) -> None:
        self._registry = SourceRegistry(state_dir)
        self._trust = Trust(self._registry, settings or ProvenanceSettings())
        self._current = CurrentVersions(state_dir)
        self.labels = CurrentLabels(state_dir)
        self._state_dir = state_dir
        self._ledger_is_new = False
        self._statements: dict[str, BatchStatement] = {}

    def verify(self, chunk: Chunk, proof: ChunkProof | None, *, collection_uid: str) -> Chunk:
        """Return the chunk with its integrity label, or raise `ProvenanceError`."""
        [outcome] = self.verify_batch([(chunk, proof)], collection_uid=collection_uid)
        if isinstance(outcome, ProvenanceError):
            raise outcome
        return outcome

    def verify_batch(
        self,
        pairs: Sequence[tuple[Chunk, ProofOrNone]],
        *,
        collection_uid: str,
        collection: str = "",
    ) -> list[Chunk | ProvenanceError]:
        """Return, in order, each chunk with its label, or the error that says why it failed.

        ``collection`` is the collection's name, which a trust policy may ask for.
        """
        trust = self._trust.now()
        if self._current.refresh():
            self._ledger_is_new = False
        outcomes: list[Chunk | ProvenanceError | None] = [None] * len(pairs)
        vectors, waiting = VectorCheck(), []
        for at, (chunk, proof) in enumerate(pairs):
            try:
                if proof is None:
                    raise ProvenanceError(
                        f"chunk {chunk.id} is unsigned: ingest its document again"
                    )
                statement = self._statement(trust, chunk, proof, collection_uid)
                label = trust.label(chunk, proof.envelope, statement, collection)
                vectors.add(chunk.vector, proof.sketch, statement.version)
                waiting.append((at, chunk, proof, statement, label))
            except ProvenanceError as error:
                outcomes[at] = error
        for (at, chunk, proof, statement, label), state in zip(
            waiting, vectors.states(), strict=True
        ):
            try:
                if state is not _BOUND:
                    raise _not_its_vector(chunk, state)
                _check_leaf(chunk, proof, statement)
                # Last: only of what was signed is it known which version it is of.
                self._current.require_current(
                    chunk, collection_uid, partial(self._registry.arrived_at, proof.envelope)
                )
                outcomes[at] = labelled(chunk, label)
            except ProvenanceError as error:
                outcomes[at] = error
        return [outcome for outcome in outcomes if outcome is not None]

    def source_count(self, tenant: str, collection_uid: str) -> int:
        """Return how many sources of the tenant have signed for the collection."""
        return self._registry.source_count(tenant, collection_uid)

    def first_arrivals(self, tenant: str, collection_uid: str) -> dict[str, float]:
        """Return the sources that have signed for a collection, each with when it began."""
        return self._registry.first_arrivals(tenant, collection_uid)

    def source(self, tenant: str, source: str) -> SourceRecord | None:
        """Return what is known now of a source; None if nothing is, or it is gone."""
        return self._trust.now().source(tenant, source)

    def change_mark(self) -> tuple[int, int]:
        """Return what is another one once the registry has changed; cheap."""
        return self._registry.change_mark()

    def is_revoked(self, tenant: str, source: str) -> bool:
        """Whether a source is revoked; for chunks that carry no proof and only claim it."""
        return self._trust.now().is_revoked(tenant, source)

    def standing(self, envelope_id: str) -> tuple[BatchStatement | None, str]:
        """Return what an envelope says, None if it does not open, and what it is worth now."""
        return self._trust.now().standing(envelope_id)

    def revoked_envelopes(self, tenant: str, collection_uid: str, source: str) -> frozenset[str]:
        """Return the envelopes of a source in a collection that a revocation voids."""
        trust = self._trust.now()
        return frozenset(
            each
            for each in self._registry.envelopes_of(tenant, collection_uid, source)
            if trust.is_envelope_revoked(each)
        )

    def require_ledger(self) -> None:
        """Raise `RollbackError` if the ledger is older than the log's file says.

        For what is to be served; a sweep goes on, and names the documents. Reads the log's file
        only at a start, and after a batch that found the ledger changed. A log in PostgreSQL is not
        asked: retrieval needs no network.
        """
        if not self._ledger_is_new:
            require_ledger_by_file(self._state_dir, self._current.changes())
            self._ledger_is_new = True

    def close(self) -> None:
        """Close the registry and the ledger."""
        self.labels.close()
        self._current.close()
        self._registry.close()

    def _statement(
        self, trust: TrustNow, chunk: Chunk, proof: ChunkProof, collection_uid: str
    ) -> BatchStatement:
        """Return what was signed of the chunk's batch, for the place where the chunk was found."""
        statement = self._statements.get(proof.envelope)
        if statement is None:
            opened = trust.opened(proof.envelope)
            if opened is None:
                raise ProvenanceError(
                    f"chunk {chunk.id} names an envelope that this state folder does not hold: use "
                    "the state folder that signed it, or ingest its document again"
                )
            # Without its documents, of which there may be thousands.
            statement = opened.without_facts()
            if len(self._statements) >= _MAX_CACHED_STATEMENTS:
                self._statements.clear()
            self._statements[proof.envelope] = statement
        claimed = (chunk.tenant, chunk.source, collection_uid)
        if claimed != (statement.tenant, statement.source, statement.collection_uid):
            raise MovedError(
                f"chunk {chunk.id} was signed for another tenant, source or collection: it was "
                "moved; ingest its document again"
            )
        return statement


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
        _refuse_copy(chunk, proof, statement)
        raise ProvenanceError(
            f"chunk {chunk.id} is altered: its text, metadata, id or place is not what was "
            "signed; ingest its document again"
        )


def _refuse_copy(chunk: Chunk, proof: ChunkProof, statement: BatchStatement) -> None:
    """Raise `MovedError` if the chunk is what was signed but for its id."""
    scope = (statement.tenant, statement.collection_uid, statement.source)
    own = chunk_id(scope, chunk.document, chunk.position, chunk.text)
    if own == chunk.id:
        return
    signed = replace(chunk, id=own)
    leaf = chunk_leaf(signed, statement.collection_uid, proof.sketch, statement.version)
    root = root_from_path(leaf, proof.index, statement.tree_size, proof.path)
    if root is not None and root.hex() == statement.root:
        raise MovedError(f"chunk {chunk.id} was moved: it was signed as {own}; delete the copy")
