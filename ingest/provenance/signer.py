"""Sign batches of chunks: one Ed25519 signature over the Merkle root of each source's chunks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from ...core.chunk import Chunk
from ...core.errors import UsageError, VectorError
from ...core.events import EventSink, LoggingEventSink
from ...core.settings import ProvenanceSettings
from ..ledger import Ledger
from .batch_facts import BatchFacts, DocumentFacts, SignedDocument
from .envelope import seal
from .leaf import chunk_leaf
from .log.audit_ledger import LedgerDifference
from .log.documents import Kept
from .log.logged_registry import LoggedRegistry
from .merkle import HASH_BYTES, build_tree
from .proof import HEAD_BYTES, ChunkProof
from .registry import SourceRegistry
from .secure_sketch import bind_vectors, sketch_bytes
from .source_keys import SourceKeys
from .source_records import SourceRecord
from .statement import BatchStatement

_PROOF_BYTES = 450
"""What a proof may take before base64 makes 600 of it: trees are as deep as this allows."""

_LEAST_DEPTH, _MOST_DEPTH = 6, 10


class BatchSigner:
    """Signs chunks with the key of their source, or with a reviewer's key.

    Keys and sources are registered on first use unless ``open_sources`` is "by-hand": who may run
    an ingest into a state folder may then name its sources (docs/adr/0003-batch-signing.md).
    """

    def __init__(
        self,
        state_dir: Path,
        settings: ProvenanceSettings | None = None,
        events: EventSink | None = None,
    ) -> None:
        self._registry = SourceRegistry(state_dir)
        chosen = settings or ProvenanceSettings()
        self._logged = LoggedRegistry(state_dir, chosen.log)
        self._keys = SourceKeys(state_dir, self._registry, chosen, events or LoggingEventSink())

    def sign(
        self,
        chunks: Sequence[Chunk],
        *,
        collection_uid: str,
        reviewer: str = "",
        facts: BatchFacts | None = None,
        documents: Mapping[tuple[str, str], DocumentFacts] | None = None,
        ledger_changes: int | None = None,
    ) -> list[ChunkProof]:
        """Return one proof a chunk, in order; each (tenant, source) makes signed batches.

        ``facts`` say how the chunks came to be, ``documents`` what is known of each document by its
        source and name; names, digests and leaves of the documents are filled in here.
        ``ledger_changes`` is the number of the ledger's change that is about to enter them, if it
        keeps them (`Ledger.intend`). Raises `VectorError` for a chunk without a vector,
        `InputError` for one that has no canonical form, `UsageError` for no chunks,
        `ProvenanceError` where nobody may sign for the source now.
        """
        if not chunks:
            raise UsageError("nothing to sign: the batch is empty")
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, chunk in enumerate(chunks):
            groups[chunk.tenant, chunk.source].append(at)
        proofs: dict[int, ChunkProof] = {}
        for members in groups.values():
            for some in _trees(members, chunks[members[0]]):
                batch = [chunks[at] for at in some]
                told = replace(facts or BatchFacts(), documents=_documents(batch, documents or {}))
                statement = _unsigned(batch[0], collection_uid, reviewer, told)
                proofs.update(zip(some, self._sign_tree(batch, statement), strict=True))
        # After the envelopes: what a kill leaves between the two is logged with the next batch.
        envelopes = frozenset(each.envelope for each in proofs.values())
        kept = None
        if ledger_changes is not None:
            kept = Kept(changes=ledger_changes, envelopes=envelopes)
        self._logged.sync(kept)
        return [proofs[at] for at in range(len(chunks))]

    def _sign_tree(self, chunks: Sequence[Chunk], statement: BatchStatement) -> list[ChunkProof]:
        sketches = bind_vectors(_stacked(chunks))
        leaves = [
            chunk_leaf(chunk, statement.collection_uid, sketch)
            for chunk, sketch in zip(chunks, sketches, strict=True)
        ]
        root, paths = build_tree(leaves)
        envelope_id = self._seal(replace(statement, root=root.hex(), tree_size=len(leaves)))
        return [
            ChunkProof(envelope=envelope_id, index=index, path=tuple(path), sketch=sketch)
            for index, (path, sketch) in enumerate(zip(paths, sketches, strict=True))
        ]

    def _seal(self, statement: BatchStatement) -> str:
        tenant, source = statement.tenant, statement.source
        key = self._keys.signer(tenant, source, statement.reviewer)
        signed_at = self._keys.time_of(key, tenant, source)
        sealed = seal(replace(statement, key_id=key.key_id, signed_at=signed_at), key)
        envelope_id = hashlib.sha256(sealed.encode()).hexdigest()[:32]
        self._registry.add_envelope(
            envelope_id, (tenant, statement.collection_uid, source), key.key_id, sealed
        )
        return envelope_id

    def sources(self, tenant: str) -> list[SourceRecord]:
        """Return what is known of the tenant's sources."""
        return self._registry.sources(tenant)

    def require_signable(self, tenant: str, source: str, reviewer: str = "") -> None:
        """Raise `ProvenanceError` where nobody may sign for the source now; change nothing.

        A key in the state folder is read; one in a module or service is not asked for.
        """
        self._keys.require_readable(tenant, source, reviewer)

    def withdraw(
        self, scope: tuple[str, str, str], document: str, ledger_changes: int | None = None
    ) -> None:
        """Log that a document is withdrawn; ``scope`` is (tenant, collection uid, source).

        ``ledger_changes`` is as in `sign`.
        """
        self._logged.remove_document(scope, document, ledger_changes)

    def require_ledger(self, changes: int) -> None:
        """Raise `RollbackError` for a ledger that was put back; ``changes`` is how many it has."""
        self._logged.require_ledger(changes)

    def ledger_differences(self, ledger: Ledger) -> tuple[list[LedgerDifference], int]:
        """Return the documents that a ledger and the log differ in, and the log's last change."""
        self._logged.sync()
        return self._logged.ledger_differences(ledger)

    def close(self) -> None:
        """Close the registry and the log."""
        self._logged.close()
        self._registry.close()


def _unsigned(
    first: Chunk, collection_uid: str, reviewer: str, facts: BatchFacts
) -> BatchStatement:
    """Return the statement of a batch before its root, key and time are known."""
    return BatchStatement(
        tenant=first.tenant,
        source=first.source,
        collection_uid=collection_uid,
        root="",
        tree_size=0,
        key_id="",
        signed_at=0,
        reviewer=reviewer,
        facts=facts,
    )


def _trees(members: Sequence[int], first: Chunk) -> list[Sequence[int]]:
    """Cut a source's chunks into trees of which a proof stays small."""
    dimension = 0 if first.vector is None else len(first.vector)
    levels = (_PROOF_BYTES - HEAD_BYTES - sketch_bytes(dimension)) // HASH_BYTES
    most = 1 << min(_MOST_DEPTH, max(_LEAST_DEPTH, levels))
    return [members[at : at + most] for at in range(0, len(members), most)]


def _documents(
    chunks: Sequence[Chunk], known: Mapping[tuple[str, str], DocumentFacts]
) -> tuple[SignedDocument, ...]:
    """Return the documents of a tree's chunks with the leaves that are theirs."""
    found, start = [], 0
    for (name, digest), run in groupby(chunks, key=lambda c: (c.document, c.document_digest)):
        leaves = sum(1 for _ in run)
        facts = known.get((chunks[0].source, name), DocumentFacts())
        found.append(
            SignedDocument(name=name, digest=digest, first_leaf=start, leaves=leaves, facts=facts)
        )
        start += leaves
    return tuple(found)


def _stacked(chunks: Sequence[Chunk]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    for chunk in chunks:
        if chunk.vector is None:
            raise VectorError(f"chunk {chunk.id} cannot be signed: embed it first")
    return np.stack([chunk.vector for chunk in chunks if chunk.vector is not None])
