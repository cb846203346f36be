"""Decisions, findings and verdicts: what every check of ragbastion returns.

>>> from ragbastion import Decision, Verdict
>>> Decision.FLAG < Decision.QUARANTINE
True
>>> Verdict.allow().merge(Verdict(decision=Decision.FLAG, score=0.4)).decision
<Decision.FLAG: 'flag'>
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, reduce
from typing import Any


class _Ordered(StrEnum):
    """A string enum that compares by the order of its members, not by spelling."""

    @property
    def rank(self) -> int:
        """Position in the order of definition, from 0."""
        return _ranks(type(self))[self]

    def __lt__(self, other: str) -> bool:
        return self.rank < type(self)(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= type(self)(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > type(self)(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= type(self)(other).rank


@cache
def _ranks(kind: type[_Ordered]) -> dict[_Ordered, int]:
    return {member: at for at, member in enumerate(kind)}


class Decision(_Ordered):
    """What is done with the thing that was checked, from mildest to strictest."""

    ALLOW = "allow"
    FLAG = "flag"
    REDACT = "redact"
    QUARANTINE = "quarantine"
    BLOCK = "block"


class Severity(_Ordered):
    """How much harm a finding can do if it is real."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that one detector saw.

    ``score`` is in [0, 1]. ``span`` is ``(start, end)`` in characters of the ORIGINAL text, or None
    when the finding is about the whole. ``evidence`` is short and never a secret; it may quote
    untrusted text.
    """

    kind: str
    detector: str
    score: float
    severity: Severity = Severity.MEDIUM
    span: tuple[int, int] | None = None
    evidence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of the command-line contract."""
        return {
            "kind": self.kind,
            "detector": self.detector,
            "score": round(self.score, 6),
            "severity": self.severity.value,
            "span": list(self.span) if self.span is not None else None,
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The strictest decision of several checks, with what they saw and what they cost.

    ``score`` in [0, 1] is the highest probability that a check gave. ``reasons`` are sentences for
    a person. ``ran`` names each detector that ran with its version, so that a missing one shows.
    ``timings_ms`` maps a layer's name to its wall time in milliseconds.
    """

    decision: Decision = Decision.ALLOW
    score: float = 0.0
    findings: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def allow(cls) -> Verdict:
        """Return the neutral element of `merge`: allowed, nothing seen."""
        return cls()

    def merge(self, other: Verdict) -> Verdict:
        """Combine two verdicts; associative, and `Verdict.allow()` changes nothing."""
        timings = dict(self.timings_ms)
        for layer, ms in other.timings_ms.items():
            timings[layer] = timings.get(layer, 0.0) + ms
        return Verdict(
            decision=max(self.decision, other.decision, key=lambda decision: decision.rank),
            score=max(self.score, other.score),
            findings=self.findings + other.findings,
            reasons=_unique(self.reasons + other.reasons),
            ran=_unique(self.ran + other.ran),
            timings_ms=timings,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON form with findings as objects and times rounded to a microsecond."""
        return {
            "decision": self.decision.value,
            "score": round(self.score, 6),
            "findings": [finding.as_dict() for finding in self.findings],
            "reasons": list(self.reasons),
            "ran": list(self.ran),
            "timings_ms": {layer: round(ms, 3) for layer, ms in self.timings_ms.items()},
        }


def merge_verdicts(verdicts: Iterable[Verdict]) -> Verdict:
    """Merge any number of verdicts; none at all is `Verdict.allow()`."""
    return reduce(Verdict.merge, verdicts, Verdict.allow())


def _unique(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
