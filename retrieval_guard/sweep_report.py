"""What a sweep found: the state of each point, counts, and the points that do not verify."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..core.chunk import ChunkId
from ..core.errors import (
    MovedError,
    NotBelievedError,
    ProvenanceError,
    RelabelledError,
    ReplayedError,
    RevokedError,
)
from ..ingest.provenance.log import LogFinding
from .reembedding_report import ReembeddingReport

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
    MOVED = "moved"
    """It is of another tenant, source or collection, or was signed under another id."""
    REFUSED = "refused"
    """As it was signed, and its key, its source or the trust policy may not vouch for it."""
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


_STATES: tuple[tuple[type[ProvenanceError], PointState], ...] = (
    (MovedError, PointState.MOVED),
    (NotBelievedError, PointState.REFUSED),
    (RelabelledError, PointState.RELABELLED),
    (ReplayedError, PointState.REPLAYED),
    (RevokedError, PointState.REVOKED),
)


def state_of(error: ProvenanceError) -> PointState:
    """Return what a chunk is that does not verify for this reason."""
    return next((state for kind, state in _STATES if isinstance(error, kind)), PointState.ALTERED)
