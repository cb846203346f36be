"""A document in quarantine: its key, what is held of it, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...core.chunk import Digest, DocumentId, TenantId
from ...core.verdict import Verdict


class QuarantineState(StrEnum):
    """What a person has decided about a quarantined document."""

    HELD = "held"
    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineKey:
    """One document: whose it is, where it was going, its name and the digest of its bytes."""

    tenant: TenantId
    collection: str
    source: str
    document: DocumentId
    digest: Digest

    def as_tuple(self) -> tuple[str, str, str, str, str]:
        """Return the fields in the order of the table's unique key."""
        return (self.tenant, self.collection, self.source, self.document, self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A document to hold: its bytes, why, and the access label that a release gives it.

    ``served`` tells that the store serves it until now.
    """

    key: QuarantineKey
    raw: bytes
    media_type: str
    verdict: Verdict
    label: Mapping[str, Any] | None = None
    served: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRecord:
    """A quarantined document without its bytes; `Quarantine.original` gives those.

    ``verdict`` is the JSON form of the verdict and may quote untrusted text as evidence. Times are
    seconds since the epoch.
    """

    id: str
    key: QuarantineKey
    media_type: str
    size_bytes: int
    verdict: Mapping[str, Any]
    state: QuarantineState
    created_at: float
    decided_at: float | None
    decided_by: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, flat."""
        return {
            "id": self.id,
            "tenant": self.key.tenant,
            "collection": self.key.collection,
            "source": self.key.source,
            "document": self.key.document,
            "digest": self.key.digest,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "verdict": dict(self.verdict),
            "state": self.state.value,
            "created_at": self.created_at,
            "decided_at": self.decided_at,
            "decided_by": self.decided_by,
            "reason": self.reason,
        }
