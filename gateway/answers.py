"""What ``/v1/retrieve`` answers, as the OpenAPI document tells it; the guard writes the answer.

The fields are those of ``query --json``: a test holds both to each other.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FindingAnswer(_Answer):
    """What a check found, and where in the text."""

    kind: str
    detector: str
    score: float = Field(ge=0, le=1)
    severity: str
    span: tuple[int, int] | None
    evidence: str


class VerdictAnswer(_Answer):
    """The strictest decision of several checks, what they saw, and what each cost."""

    decision: str
    score: float = Field(ge=0, le=1)
    findings: list[FindingAnswer]
    reasons: list[str]
    ran: list[str]
    timings_ms: dict[str, float]


class ChunkAnswer(_Answer):
    """A passage of the context (untrusted text): whose it is, who else says so, and its marks."""

    id: str
    text: str
    source: str
    document: str
    integrity: str
    score: float
    voice: str = Field(description="What counts as one with it in caps and agreement.")
    support: int = Field(ge=0, description="Other established voices that share its answer.")
    marks: list[str] = Field(description="lone, conflict, probation, flagged, unverified, echo")
    verdict: VerdictAnswer


class CertificateAnswer(_Answer):
    """How many of the k passages bad sources can have written at most, by construction."""

    k: int
    source_cap: int | None = Field(description="What a voice may give; null: a single voice.")
    sources: int
    established_voices: list[int] | None = Field(description="Passages of each, largest first.")
    probation: int = Field(description="Passages of all sources in probation, and of flagged ones.")
    flagged: int
    unverified: int
    single_voice: bool
    cold_start: bool = Field(description="The collection is younger than the probation.")
    max_poison_one_bad_source: int
    max_poison_one_established: int
    max_poison_new_sources: int
    bad_sources_for_majority: int | None
    statement: str = Field(description="The bound as one sentence.")


class StatementAnswer(_Answer):
    """What one voice says in a conflict; values only of what is served of it."""

    voice: str
    chunk: str
    values: list[str]


class ConflictAnswer(_Answer):
    """Two voices that say much the same, and differ in what is asked for."""

    kind: str
    sides: list[StatementAnswer]


class DroppedAnswer(_Answer):
    """A candidate that is not served: by which step, and why."""

    id: str
    source: str
    step: str
    reason: str


class RetrieveAnswer(_Answer):
    """Guarded context for a query, with the evidence for it."""

    answer_id: str
    context: str
    chunks: list[ChunkAnswer]
    verdict: VerdictAnswer
    integrity: str
    certificate: CertificateAnswer
    conflicts: list[ConflictAnswer]
    dropped: list[DroppedAnswer]
    ms: float
