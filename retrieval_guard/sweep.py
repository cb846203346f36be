"""A sweep of a collection: whether every stored point is what was signed, and in its place.

Finds points that were altered, moved, replayed or added behind our back, and by the ledger which
ones were deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from ..core.chunk import Chunk, ChunkId, TenantId
from ..core.errors import (
    ProvenanceError,
    RelabelledError,
    ReplayedError,
    RevokedError,
    SealError,
)
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from ..ingest.provenance import ChunkProof, ChunkVerifier, from_point
from ..ingest.provenance.log import EnvelopeInclusion, LogFinding
from ..tenancy.point_records import UnopenedPoint
from .reembedding_report import ReembeddingReport
from .sampling import Drawn, Reservoir

_BATCH = 512
MAX_LISTED = 1000
"""How many bad points a report names; the counts cover all."""


class PointState(StrEnum):
    """What a sweep found of one point."""

    OK = "ok"
    UNSIGNED = "unsigned"
    ALTERED = "altered"
    REVOKED = "revoked"
    """Its source, its key or its reviewer is revoked; nothing says that it was altered."""
    UNOPENED = "unopened"
    """Its sealed values do not open: altered, moved, or written past the cipher."""
    FOREIGN = "foreign"
    REPLAYED = "replayed"
    """Honestly signed, and of a version that its document no longer has."""
    RELABELLED = "relabelled"
    """Signed, and with another access label, or word on deletion, than its document has."""
    UNLOGGED = "unlogged"
    """It verifies, and the transparency log does not hold its envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFinding:
    """A point that does not verify; ``source`` is what it claims."""

    id: str
    tenant: str
    source: str
    state: PointState
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "source": self.source,
            "state": self.state.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """How many points of a collection verify, and which do not.

    ``missing`` is how many points the ledger expects and the store does not hold; `missing_ids` are
    their ids, `MAX_LISTED` at most. ``ledger`` counts where the ledger and the transparency log say
    different things of a document; `ledger_findings` name them, as many at most. ``reembedding`` is
    there if the audit was asked for.
    """

    collection: str
    tenants: tuple[str, ...]
    counts: dict[PointState, int]
    findings: tuple[SweepFinding, ...]
    missing: int = 0
    missing_ids: tuple[ChunkId, ...] = ()
    ledger: int = 0
    ledger_findings: tuple[LogFinding, ...] = ()
    reembedding: ReembeddingReport | None = None

    @property
    def clean(self) -> bool:
        """Whether all points verify, none is missing, ledger and log agree, and the audit too."""
        if self.missing or self.ledger or (self.reembedding and not self.reembedding.clean):
            return False
        return all(count == 0 for state, count in self.counts.items() if state is not PointState.OK)

    def totals(self) -> dict[str, int]:
        """Return the count of each state by its name, of missing points and of the ledger."""
        counts = {state.value: self.counts.get(state, 0) for state in PointState}
        return {**counts, "missing": self.missing, "ledger": self.ledger}

    def audit_detail(self) -> dict[str, Any]:
        """Return what the audit log keeps: counts, and what was drawn with which seed."""
        if self.reembedding is None:
            return dict(self.totals())
        drawn = {**self.reembedding.totals(), "seed": self.reembedding.seed}
        return {**self.totals(), "reembedding": drawn}

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: one field a count, and the points that do not verify."""
        audit = {"reembedding": self.reembedding.as_dict()} if self.reembedding else {}
        return {
            "collection": self.collection,
            "tenants": list(self.tenants),
            "clean": self.clean,
            **self.totals(),
            "missing_ids": list(self.missing_ids),
            "ledger_findings": [finding.as_dict() for finding in self.ledger_findings],
            "findings": [finding.as_dict() for finding in self.findings],
            **audit,
        }


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
                state = PointState.UNOPENED if sealed else PointState.FOREIGN
                self._note(tenant, point.id, "", state, str(point.error))
                continue
            try:
                chunk, proof = from_point(point)
            except ProvenanceError as error:
                self._note(tenant, point.id, "", PointState.ALTERED, str(error))
                continue
            if chunk.tenant != tenant:
                reason = f"it claims tenant '{chunk.tenant}'"
                self._note(tenant, chunk.id, chunk.source, PointState.FOREIGN, reason)
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
        outcomes = self._verifier.verify_batch(
            pairs, collection_uid=self._collection.uid, collection=self._collection.name
        )
        self._verifier.labels.refresh()
        for (chunk, proof), payload, verified in zip(pairs, payloads, outcomes, strict=True):
            outcome = self._verifier.labels.held(verified, self._collection.uid, payload)
            if isinstance(outcome, ProvenanceError):
                state = _state_of(outcome)
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


def _state_of(error: ProvenanceError) -> PointState:
    if isinstance(error, ReplayedError):
        return PointState.REPLAYED
    if isinstance(error, RelabelledError):
        return PointState.RELABELLED
    return PointState.REVOKED if isinstance(error, RevokedError) else PointState.ALTERED
