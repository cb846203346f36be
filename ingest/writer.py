"""Write a batch: note the intent, sign, upsert, commit to the ledger, delete what was replaced.

The order makes a kill harmless at every point: new chunks are in the store before old ones leave,
and what a killed run left behind is known to the ledger as loose and goes with the next run that
meets the document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.chunk import Chunk
from ..core.errors import ProvenanceError
from ..core.store import StoredPoint, VectorStore
from .charging import Charging
from .ledger import Ledger, LedgerKey
from .ledger_labels import LabelChange
from .origin import Origin, document_facts
from .prepared import Candidate, chunks_of, entry_of
from .provenance import BatchFacts, BatchSigner, to_point
from .provenance.source_records import SourceRecord
from .report import Tally

_POINTS_PER_UPSERT = 256
"""Keeps a request to a Qdrant server near 2 MB, below its limit of 32 MB."""


class BatchWriter:
    """Writes to one store with its ledger; the one place of ``ingest/`` that changes the store."""

    def __init__(self, store: VectorStore, signer: BatchSigner, ledger: Ledger) -> None:
        self._store = store
        self._signer = signer
        self._ledger = ledger

    def write(
        self,
        batch: Sequence[Candidate],
        collection: str,
        origin: Origin,
        tally: Tally,
        charging: Charging,
    ) -> int:
        """Make these documents the current ones and return how many chunks they have.

        Raises `StoreError` when the store or a state file fails, or a document got another label
        since it was read here; what was committed stays. Raises
        `QuotaError` before anything is written if the tenant has no room for them.
        """
        chunks = [chunks_of(each) for each in batch]
        entries = [
            entry_of(each, own, origin.pipeline) for each, own in zip(batch, chunks, strict=True)
        ]
        ids = [chunk.id for own in chunks for chunk in own]
        # Before it is signed: a version that the quota refuses is none that the log is told of.
        with charging.writing(ids, _POINTS_PER_UPSERT) as at_once:
            with tally.timed("ledger"):
                self._ledger.labels.change([_labelling_of(each) for each in batch])
                change = self._ledger.intend(entries)
            with tally.timed("sign"):
                points = self._signed(batch, chunks, origin.facts, change)
            with tally.timed("store"):
                self._upsert(points, collection, batch, at_once)
        with tally.timed("ledger"):
            self._ledger.commit(entries)
            if any(each.label_before is not None for each in batch):
                labels = [(each.ledger_key.as_tuple(), each.label) for each in batch]
                self._ledger.labels.settle(labels)
        return len(points)

    def refusals(self, batch: Sequence[Candidate]) -> dict[tuple[str, str], ProvenanceError]:
        """Return why documents of a (source, reviewer) of the batch cannot be signed now.

        The source is revoked or not opened, or no key may sign or can be read. Nothing is changed
        by it: what cannot be signed is not told of as admitted.
        """
        found: dict[tuple[str, str], ProvenanceError] = {}
        for tenant, source, reviewer in {
            (each.ledger_key.tenant, each.source, each.reviewer) for each in batch
        }:
            try:
                self._signer.require_signable(tenant, source, reviewer)
            except ProvenanceError as error:
                found[source, reviewer] = error
        return found

    def require_ledger(self) -> None:
        """Raise `RollbackError` if the ledger is older than the transparency log says."""
        self._signer.require_ledger(self._ledger.changes())

    def sources(self, tenant: str) -> list[SourceRecord]:
        """Return what is known of the tenant's sources."""
        return self._signer.sources(tenant)

    def withdraw(self, key: LedgerKey, collection: str) -> None:
        """Take a document out of the store and the ledger.

        Logged first: what is then left of it by a kill is a version that is not current.
        """
        change = self._ledger.intend_withdrawal(key)
        self._signer.withdraw((key.tenant, key.collection, key.source), key.document, change)
        self._ledger.withdraw(key)
        self.tidy([key], collection)

    def tidy(self, keys: Iterable[LedgerKey], collection: str) -> bool:
        """Delete the documents' chunks that are no longer current, or never came to be.

        Returns whether there were any.
        """
        any_loose = False
        for key in keys:
            loose = self._ledger.loose(key)
            if loose:
                self._store.delete(collection, key.tenant, loose)
                self._ledger.forget(key, loose)
                any_loose = True
        return any_loose

    def _signed(
        self,
        batch: Sequence[Candidate],
        chunks: Sequence[Sequence[Chunk]],
        facts: BatchFacts,
        change: int,
    ) -> list[StoredPoint]:
        documents = {(each.source, each.name): document_facts(each) for each in batch}
        labels = {
            chunk.id: each.label for each, own in zip(batch, chunks, strict=True) for chunk in own
        }
        by_reviewer: dict[tuple[str, str], list[Chunk]] = defaultdict(list)
        for each, own in zip(batch, chunks, strict=True):
            by_reviewer[each.ledger_key.collection, each.reviewer].extend(own)
        points: list[StoredPoint] = []
        for (uid, reviewer), group in by_reviewer.items():
            proofs = self._signer.sign(
                group,
                collection_uid=uid,
                reviewer=reviewer,
                facts=facts,
                documents=documents,
                ledger_changes=change,
            )
            points.extend(to_point(c, proof) for c, proof in zip(group, proofs, strict=True))
        return [_labelled(point, labels[point.id]) for point in points]

    def _upsert(
        self,
        points: Sequence[StoredPoint],
        collection: str,
        batch: Sequence[Candidate],
        at_once: int,
    ) -> None:
        # INVARIANT: a run is of one tenant, so every candidate of a batch names the same.
        tenant = batch[0].ledger_key.tenant
        for start in range(0, len(points), at_once):
            self._store.upsert(collection, tenant, points[start : start + at_once])


def _labelled(point: StoredPoint, label: Mapping[str, Any]) -> StoredPoint:
    """Return the point with its access label, which may change: the ledger has it, no signature."""
    return replace(point, payload={**point.payload, **label}) if label else point


def _labelling_of(each: Candidate) -> LabelChange:
    return LabelChange(names=each.ledger_key.as_tuple(), label=each.label, before=each.label_before)
