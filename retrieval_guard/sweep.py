"""A sweep of a collection: whether every stored point is what was signed, and in its place.

Finds points that were altered, moved, replayed or added behind our back, and by the ledger which
ones were deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from ..core.chunk import Chunk, ChunkId, TenantId
from ..core.errors import ProvenanceError, SealError
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from ..ingest.provenance import ChunkProof, ChunkVerifier, from_point
from ..ingest.provenance.log import EnvelopeInclusion, LogFinding
from ..tenancy.point_records import UnopenedPoint
from .sampling import Drawn, Reservoir
from .sweep_report import MAX_LISTED, PointState, SweepFinding, SweepReport, state_of

_BATCH = 512


@runtime_checkable
class SweptStore(Protocol):
    """A store that gives out each point, or why it may not leave, such as both of this package."""

    def scroll_each(
        self, collection: str, tenant: TenantId
    ) -> Iterable[StoredPoint | UnopenedPoint]:
        """Yield every point of the tenant, and in place of one that may not leave, why."""
        ...


def stored_points(
    store: VectorStore, collection: str, tenant: TenantId
) -> Iterable[StoredPoint | UnopenedPoint]:
    """Return every point of the tenant; of a store that cannot go on past a bad one, until it."""
    if isinstance(store, SweptStore):
        return store.scroll_each(collection, tenant)
    return store.scroll(collection, tenant)


class Sweep:
    """Verifies points in batches and adds up what it finds; made for one collection.

    With a ``log``, a point whose envelope the transparency log does not hold is a finding as well.
    What verifies is offered to ``sample``.
    """

    def __init__(
        self,
        verifier: ChunkVerifier,
        collection: CollectionInfo,
        log: EnvelopeInclusion | None = None,
        sample: Reservoir[Drawn] | None = None,
    ) -> None:
        self._verifier = verifier
        self._collection = collection
        self._log = log
        self._sample = sample
        self._counts = Counter(dict.fromkeys(PointState, 0))
        self._findings: list[SweepFinding] = []
        self._tenants: list[str] = []
        self._missing = 0
        self._missing_ids: list[ChunkId] = []
        self._ledger: list[LogFinding] = []

    def add(
        self,
        tenant: TenantId,
        points: Iterable[StoredPoint | UnopenedPoint],
        expected: Iterable[ChunkId] = (),
    ) -> None:
        """Verify the points of a tenant; ``expected`` are the ids that the ledger says there are.

        Keeps ``expected`` in memory, about 150 bytes each.
        """
        rest, lacking = iter(points), set(expected)
        while batch := list(islice(rest, _BATCH)):
            self._add_batch(tenant, batch)
            lacking.difference_update(point.id for point in batch)
        self._tenants.append(tenant)
        self._missing += len(lacking)
        room = MAX_LISTED - len(self._missing_ids)
        self._missing_ids += sorted(lacking)[:room]

    def add_ledger(self, findings: Iterable[LogFinding]) -> None:
        """Add where the ledger is not what the transparency log says."""
        self._ledger += findings

    def report(self) -> SweepReport:
        """Return what was found so far."""
        return SweepReport(
            collection=self._collection.name,
            tenants=tuple(self._tenants),
            counts=dict(self._counts),
            findings=tuple(self._findings),
            missing=self._missing,
            missing_ids=tuple(self._missing_ids),
            ledger=len(self._ledger),
            ledger_findings=tuple(self._ledger[:MAX_LISTED]),
        )

    def _add_batch(self, tenant: TenantId, batch: Sequence[StoredPoint | UnopenedPoint]) -> None:
        pairs: list[tuple[Chunk, ChunkProof | None]] = []
        payloads: list[Mapping[str, Any]] = []
        for point in batch:
            if isinstance(point, UnopenedPoint):
                sealed = isinstance(point.error, SealError)
                state = PointState.UNOPENED if sealed else PointState.MOVED
                self._note(tenant, point.id, "", state, str(point.error))
                continue
            try:
                chunk, proof = from_point(point)
            except ProvenanceError as error:
                self._note(tenant, point.id, "", PointState.ALTERED, str(error))
                continue
            if chunk.tenant != tenant:
                reason = f"it claims tenant '{chunk.tenant}'"
                self._note(tenant, chunk.id, chunk.source, PointState.MOVED, reason)
            elif proof is None:
                reason = "it carries no proof"
                self._note(tenant, chunk.id, chunk.source, PointState.UNSIGNED, reason)
            else:
                pairs.append((chunk, proof))
                payloads.append(point.payload)
        self._verify(tenant, pairs, payloads)

    def _verify(
        self,
        tenant: TenantId,
        pairs: Sequence[tuple[Chunk, ChunkProof | None]],
        payloads: Sequence[Mapping[str, Any]],
    ) -> None:
        verified = self._verifier.verify_batch(
            pairs, collection_uid=self._collection.uid, collection=self._collection.name
        )
        held = self._verifier.labels.held_batch(verified, self._collection.uid, payloads)
        for (chunk, proof), outcome in zip(pairs, held, strict=True):
            if isinstance(outcome, ProvenanceError):
                state = state_of(outcome)
                self._note(tenant, chunk.id, chunk.source, state, str(outcome))
            elif proof and self._log and (reason := self._log.problem(proof.envelope)):
                self._note(tenant, chunk.id, chunk.source, PointState.UNLOGGED, reason)
            else:
                self._counts[PointState.OK] += 1
                if self._sample is not None:
                    self._sample.offer((tenant, chunk.id))

    def _note(
        self, tenant: TenantId, point: str, source: str, state: PointState, reason: str
    ) -> None:
        self._counts[state] += 1
        if len(self._findings) < MAX_LISTED:
            self._findings.append(
                SweepFinding(id=point, tenant=tenant, source=source, state=state, reason=reason)
            )
