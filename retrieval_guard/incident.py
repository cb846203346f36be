"""After an incident: what fed an answer, and which answers a source has touched.

Both read the audit log's ``retrieve`` events, which name each served passage with its source,
document and signed batch, and never a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from ..core.errors import UsageError
from ..ingest.provenance import ChunkVerifier
from ..policies import AuditEntry, AuditLog

_KIND = "retrieve"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBatch:
    """A batch that fed an answer: what its statement says, and what it is worth ``now``.

    ``now`` is a label, or why nobody believes it any more; ``statement`` is empty for an envelope
    that does not open.
    """

    envelope: str
    now: str
    statement: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"envelope": self.envelope, "now": self.now, **self.statement}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where a past answer came from; ``event`` is the audit log's record of it.

    ``served`` has a row for each passage: id, source, document, digest, envelope, integrity and
    decision. Of an event that was written before they were named only the ids are known.
    """

    event: Mapping[str, Any]
    served: tuple[Mapping[str, str], ...]
    batches: tuple[SignedBatch, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        detail = self.event["detail"]
        return {
            "answer_id": self.event["subject"],
            "time_ms": self.event["time_ms"],
            **{name: self.event[name] for name in ("tenant", "principal", "session", "outcome")},
            **{name: detail.get(name, "") for name in ("collection", "purpose", "integrity")},
            "served": [dict(row) for row in self.served],
            "batches": [batch.as_dict() for batch in self.batches],
            "dropped": detail.get("dropped", []),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedAnswer:
    """An answer that holds passages of a source: who got it, and of which documents they are."""

    event: Mapping[str, Any]
    served: tuple[Mapping[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        documents = Counter(row.get("document", "") for row in self.served)
        return {
            "answer_id": self.event["subject"],
            "time_ms": self.event["time_ms"],
            **{name: self.event[name] for name in ("tenant", "principal", "session", "outcome")},
            "chunks": [row.get("id", "") for row in self.served],
            "documents": dict(documents),
        }


def trace(audit: AuditLog, verifier: ChunkVerifier, answer_id: str) -> Trace:
    """Return what fed an answer; raise `UsageError` for one that the audit log does not have."""
    for entry in audit.find(_KIND, f'"subject":{_json(answer_id)}'):
        if entry.record["subject"] == answer_id:
            served = tuple(_served(entry)) or tuple(
                {"id": each} for each in entry.record["detail"].get("chunks", ())
            )
            envelopes = dict.fromkeys(row["envelope"] for row in served if row.get("envelope"))
            return Trace(
                event=entry.record,
                served=served,
                batches=tuple(_batch(verifier, each) for each in envelopes),
            )
    raise UsageError("trace refused: the audit log has no such answer; check its id")


def blast(
    audit: AuditLog, source: str, *, tenant: str | None = None, since: float | None = None
) -> Iterator[TouchedAnswer]:
    """Yield the answers that hold passages of a source, oldest first.

    ``tenant`` is all tenants if None; ``since`` is seconds since the epoch. Answers of an earlier
    release, whose events name no sources, are not among them.
    """
    for entry in audit.find(_KIND, f'"source":{_json(source)}', tenant):
        if since is not None and entry.record["time_ms"] < since * 1000:
            continue
        touched = tuple(row for row in _served(entry) if row.get("source") == source)
        if touched:
            yield TouchedAnswer(event=entry.record, served=touched)


def _served(entry: AuditEntry) -> Iterator[Mapping[str, str]]:
    for page in entry.record["detail"].get("served", ()):
        yield from page


def _batch(verifier: ChunkVerifier, envelope: str) -> SignedBatch:
    statement, now = verifier.standing(envelope)
    said: dict[str, Any] = {}
    if statement is not None:
        facts = statement.facts.as_predicate()
        facts.pop("documents", None)
        said = {
            "source": statement.source,
            "key_id": statement.key_id,
            "signed_at": statement.signed_at,
            "reviewer": statement.reviewer,
            "facts": facts,
        }
    return SignedBatch(envelope=envelope, now=now, statement=said)


def _json(text: str) -> str:
    """Return a text as it stands in a record."""
    return rfc8785.dumps(text.encode("utf-8", "replace").decode()).decode()
