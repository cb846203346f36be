"""Settings of retrieval: how many passages, from whom, and what newcomers may say."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from .chunk import Integrity
from .settings_section import Section


class ProbationMode(StrEnum):
    """How passages of sources in probation are served; all such sources are one voice."""

    CAP = "cap"
    """As those of any other voice, up to the cap."""
    CORROBORATED = "corroborated"
    """Only where established voices say every sentence of the passage as well."""
    RESERVE = "reserve"
    """So too; and else one passage of all, behind the established, if it is nearer to the question
    than any of theirs and contradicts none."""
    OFF = "off"
    """Never."""


class LoneClaims(StrEnum):
    """What becomes of an established source's passage whose answer no other voice shares."""

    KEEP = "keep"
    """Served as others are, without a mark."""
    MARK = "mark"
    """Served as others are, and marked."""
    DEMOTE = "demote"
    """Marked, and ranked behind the others."""
    DROP = "drop"
    """Not served."""


class RetrievalSettings(Section):
    """How an answer's context is assembled.

    ``source_cap`` is how many of the ``top_k`` passages one voice may give; ``min_integrity`` the
    worst label that is served. A source is in probation for ``probation_days`` after ingestion
    opened it, unless a person did, or it was opened within ``founding_days`` of the collection's
    first passage, when nobody is older; ``probation`` says how its
    passages are served, ``corroborating_voices`` how many established voices must say the same,
    ``reserve_margin`` by how much a score must exceed all of theirs for the reserved place, and
    ``lone_claims`` what becomes of an established source's answer that nobody shares.
    """

    top_k: int = Field(default=5, ge=1, le=200)
    over_fetch: int = Field(default=4, ge=1, le=50)
    max_candidates: int = Field(default=400, ge=1, le=10_000)
    source_cap: int = Field(default=2, ge=1)
    min_integrity: Integrity = Integrity.UNTRUSTED
    strip_threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    probation_days: float = Field(default=7.0, ge=0.0, le=36_500.0, allow_inf_nan=False)
    founding_days: float = Field(default=7.0, ge=0.0, le=36_500.0, allow_inf_nan=False)
    probation: ProbationMode = ProbationMode.CORROBORATED
    corroborating_voices: int = Field(default=1, ge=1)
    reserve_margin: float = Field(default=0.05, ge=-2.0, le=2.0, allow_inf_nan=False)
    lone_claims: LoneClaims = LoneClaims.MARK

    def cap(self, limit: int) -> int:
        """Return a voice's share of ``limit`` passages: what ``source_cap`` is of ``top_k``."""
        return max(1, self.source_cap * limit // self.top_k)
