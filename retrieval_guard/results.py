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
    ``voice`` says what counts as one with it, ``support`` how many other established voices share
    its answer, ``marks`` what a reader should know: "lone", "conflict", "probation", "flagged",
    "echo", "unverified" (docs/retrieval.md).
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
    voice: str = ""
    support: int = 0
    marks: tuple[str, ...] = ()
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
            "voice": self.voice,
            "support": self.support,
            "marks": list(self.marks),
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
class Statement:
    """What one voice says in a dispute; ``values`` only of what the reader is served of it."""

    voice: str
    chunk: str
    values: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"voice": self.voice, "chunk": self.chunk, "values": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Two voices that say much the same and differ in what is asked for.

    ``kind`` is "number", "date", "name", "word" or "negation".
    """

    kind: str
    sides: tuple[Statement, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": self.kind, "sides": [side.as_dict() for side in self.sides]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """A guarded answer to a query.

    ``context`` is the text to put before a model, empty if nothing may be served. ``integrity`` is
    the lowest label of the served chunks. ``conflicts`` are what voices disagree on where one of
    them is served. ``dropped`` leaves out which passages a policy denied;
    the audit log names them. ``ms`` is the wall time, and ``verdict.timings_ms`` that of each step.
    """

    answer_id: str
    context: str
    chunks: tuple[ServedChunk, ...]
    verdict: Verdict
    integrity: Integrity
    certificate: Certificate
    conflicts: tuple[Dispute, ...] = ()
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
            "conflicts": [each.as_dict() for each in self.conflicts],
            "dropped": [dropped.as_dict() for dropped in self.dropped],
            "ms": round(self.ms, 3),
        }
