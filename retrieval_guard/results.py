"""What a guarded retrieval returns: the context, what it is made of, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.chunk import ChunkId, Integrity
from ..core.verdict import Verdict
from .certificate import Certificate

WITHHELD = "withheld"
"""Stands for the id and source of a passage that the reader may not know to exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedChunk:
    """A passage of the context: verified, stripped and redacted.

    ``score`` is the cosine similarity to the query, in [-1, 1]. ``verdict`` says what was removed.
    ``document_digest`` and ``envelope`` say which version and which signed batch it is of, for the
    audit log; the reader is not told.
    """

    id: ChunkId
    text: str
    source: str
    document: str
    integrity: Integrity
    score: float
    verdict: Verdict
    document_digest: str = ""
    envelope: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of the query contract, and the document."""
        return {
            "id": self.id,
            "text": self.text,
            "source": self.source,
            "document": self.document,
            "integrity": self.integrity.value,
            "score": round(self.score, 6),
            "verdict": self.verdict.as_dict(),
        }

    def as_record(self) -> dict[str, str]:
        """Return where the passage came from and what was decided of it, without its text."""
        return {
            "id": self.id,
            "source": self.source,
            "document": self.document,
            "digest": self.document_digest,
            "envelope": self.envelope,
            "integrity": self.integrity.value,
            "decision": self.verdict.decision.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A candidate that was not served: by which step, and why.

    ``source`` is what the point claims, which nobody has verified where ``step`` is "verify".
    """

    id: str
    source: str
    step: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"id": self.id, "source": self.source, "step": self.step, "reason": self.reason}

    def withheld(self) -> Dropped:
        """Return a copy that does not tell which passage it was."""
        return Dropped(id=WITHHELD, source=WITHHELD, step=self.step, reason=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """A guarded answer to a query.

    ``context`` is the text to put before a model, empty if nothing may be served. ``integrity`` is
    the lowest label of the served chunks. ``dropped`` leaves out which passages a policy denied;
    the audit log names them. ``ms`` is the wall time, and ``verdict.timings_ms`` that of each step.
    """

    answer_id: str
    context: str
    chunks: tuple[ServedChunk, ...]
    verdict: Verdict
    integrity: Integrity
    certificate: Certificate
    dropped: tuple[Dropped, ...] = ()
    ms: float = 0.0
    nonce: str = field(default="", repr=False)

    def as_dict(self) -> Mapping[str, Any]:
        """Return the JSON form of the query contract, with the answer's evidence beside it."""
        return {
            "answer_id": self.answer_id,
            "context": self.context,
            "chunks": [chunk.as_dict() for chunk in self.chunks],
            "verdict": self.verdict.as_dict(),
            "integrity": self.integrity.value,
            "certificate": self.certificate.as_dict(),
            "dropped": [dropped.as_dict() for dropped in self.dropped],
            "ms": round(self.ms, 3),
        }
