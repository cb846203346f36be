"""Take the chunks of a revoked source out of a store, for good or until it is believed again.

Revocation itself needs none of this: verification drops such chunks from the next query on. Taking
them out frees the places that they hold among the best hits.

- INVARIANT: a chunk is taken only if a revocation voids the statement that signed it.
- INVARIANT: a run that is cut short is finished by running it again; a chunk is in the hidden
  collection before it leaves its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..core.chunk import Chunk, ChunkId, DocumentId, TenantId
from ..core.errors import CollectionNotFoundError, ProvenanceError
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from .ledger import Ledger, LedgerEntry, LedgerKey
from .provenance import ChunkVerifier, from_point

_BATCH = 256
_PIPELINE = "restored"
"""No version of a pipeline: the next ingestion takes a restored document through again."""

HIDDEN = ".hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A chunk that is to be moved or deleted."""

    id: ChunkId
    document: DocumentId


class Withdrawal:
    """Hides, deletes and brings back chunks of one store, with its ledger."""

    def __init__(self, store: VectorStore, ledger: Ledger, verifier: ChunkVerifier) -> None:
        self._store = store
        self._ledger = ledger
        self._verifier = verifier

    def withdraw(self, collection: str, tenant: TenantId, source: str, *, hide: bool) -> int:
        """Delete the chunks of a source that are revoked; return how many.

        With ``hide`` they are first copied to the collection of that name with `HIDDEN` at its end,
        where nothing verifies and so nothing is served.
        """
        info = self._store.collection(collection)
        revoked = self._verifier.revoked_envelopes(tenant, info.uid, source)
        found = list(self._claims(info.name, tenant, source, revoked))
        hidden = self._store.create_collection(collection + HIDDEN, info.embedder) if hide else None
        for batch in _batches(found):
            ids = [each.id for each in batch]
            if hidden is not None:
                points = self._store.get(info.name, tenant, ids)
                self._store.upsert(hidden.name, tenant, points)
            for key in {_key(info, tenant, source, each.document) for each in batch}:
                self._ledger.retire(key)
            self._store.delete(info.name, tenant, ids)
            for document, gone in _by_document(batch).items():
                self._ledger.forget(_key(info, tenant, source, document), gone)
        return len(found)

    def restore(self, collection: str, tenant: TenantId, source: str) -> tuple[int, int]:
        """Bring back what was hidden and is revoked no more; return how many, and how many stay.

        A document that was ingested again or withdrawn since stays hidden: what was hidden is its
        old version.
        """
        info = self._store.collection(collection)
        try:
            hidden = self._store.collection(collection + HIDDEN)
        except CollectionNotFoundError:
            return 0, 0
        revoked = self._verifier.revoked_envelopes(tenant, info.uid, source)
        found = self._claims(hidden.name, tenant, source, revoked, wanted=False)
        restored = stay = 0
        for document, ids in _by_document(found).items():
            key = _key(info, tenant, source, document)
            if self._ledger.find(key) is None and self._ledger.withdrawn_at(key) is None:
                self._bring_back(info, hidden, key, ids)
                restored += len(ids)
            else:
                stay += len(ids)
        return restored, stay

    def _bring_back(
        self, info: CollectionInfo, hidden: CollectionInfo, key: LedgerKey, ids: Sequence[ChunkId]
    ) -> None:
        points = self._store.get(hidden.name, key.tenant, ids)
        digest = _claimed(points[0]).document_digest
        entry = LedgerEntry(key=key, digest=digest, pipeline=_PIPELINE, chunks=tuple(ids))
        self._ledger.intend([entry])
        self._store.upsert(info.name, key.tenant, points)
        self._ledger.commit([entry])
        self._store.delete(hidden.name, key.tenant, ids)

    def _claims(
        self,
        collection: str,
        tenant: TenantId,
        source: str,
        revoked: frozenset[str],
        *,
        wanted: bool = True,
    ) -> Iterator[_Found]:
        """Yield the chunks of a source by whether their envelope is revoked."""
        for point in self._store.scroll(collection, tenant):
            try:
                chunk, proof = from_point(point)
            except ProvenanceError:
                continue
            if chunk.source == source and proof and (proof.envelope in revoked) is wanted:
                yield _Found(id=chunk.id, document=chunk.document)


def _claimed(point: StoredPoint) -> Chunk:
    return from_point(point)[0]


def _key(info: CollectionInfo, tenant: TenantId, source: str, document: DocumentId) -> LedgerKey:
    return LedgerKey(collection=info.uid, tenant=tenant, source=source, document=document)


def _by_document(found: Iterable[_Found]) -> dict[DocumentId, list[ChunkId]]:
    ids: dict[DocumentId, list[ChunkId]] = defaultdict(list)
    for each in found:
        ids[each.document].append(each.id)
    return ids


def _batches(found: Iterable[_Found]) -> Iterator[list[_Found]]:
    rest = iter(found)
    while batch := list(islice(rest, _BATCH)):
        yield batch
