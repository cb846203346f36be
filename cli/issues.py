"""Issues: the findings that carry a verdict, as code hosts and baselines know them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.verdict import Decision, Finding, Severity, Verdict
from ..ingest.loaders import HiddenText
from .places import Place, Span

SCORE_ALONE = "scanner.verdict"
"""The rule of a verdict that its findings do not explain: a score alone, or a layer missing."""
TOO_MANY = "scanner.too_many"
"""The rule of a text with more findings than a verdict tells; accepted with that very text only."""
_MOST_TOLD = 200
"""Findings in a verdict, from which more may have been left out (``MAX_FINDINGS``)."""
_FINGERPRINT_CHARS = 32  # 128 bits of SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A finding of a verdict that is not ``allow``.

    ``decision`` is what it asks for by itself. ``fingerprint`` tells rule, path and the words that
    were found, not their place. ``accepted`` is the reason that a baseline gives, or None.
    """

    rule: str
    kind: str
    decision: Decision
    score: float
    severity: Severity
    evidence: str
    fingerprint: str
    span: Span | None = None
    place: Place | None = None
    hidden: HiddenText | None = None
    accepted: str | None = None

    @property
    def where(self) -> str:
        """Say for a person where it stands."""
        if self.hidden is not None:
            return f"hidden: {self.hidden.where}"
        if self.place is not None:
            return str(self.place)
        return f"characters {self.span[0]}–{self.span[1]}" if self.span else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The scores from which the scanner quarantines and flags."""

    quarantine: float
    flag: float


def telling(verdict: Verdict, limits: Limits) -> Iterator[tuple[Finding, Decision]]:
    """Yield the findings that carry a verdict, each with the decision that it asks for.

    INVARIANT: one of them asks for the verdict's own, so accepting others never hides a verdict;
    and what findings do not explain, no accepted finding explains away.
    """
    if verdict.decision is Decision.ALLOW:
        return
    strict = verdict.decision >= Decision.QUARANTINE
    if not verdict.findings or (strict and verdict.score < limits.quarantine):
        yield _whole(SCORE_ALONE, verdict), verdict.decision
    if len(verdict.findings) >= _MOST_TOLD:
        yield _whole(TOO_MANY, verdict), verdict.decision
    top = max((finding.score for finding in verdict.findings), default=0.0)
    for finding in verdict.findings:
        if finding.score >= min(top, limits.quarantine):
            yield finding, verdict.decision
        elif finding.score >= min(top, limits.flag):
            yield finding, Decision.FLAG


def _whole(rule: str, verdict: Verdict) -> Finding:
    return Finding(kind="injection", detector=rule, score=verdict.score)


def make_issue(finding: Finding, decision: Decision, path: str, text: str, **places: Any) -> Issue:
    """Return the issue of a finding in the file ``path``; ``text`` are the words it stands for."""
    return Issue(
        rule=finding.detector,
        kind=finding.kind,
        decision=decision,
        score=finding.score,
        severity=finding.severity,
        evidence=finding.evidence,
        span=finding.span,
        fingerprint=fingerprint(finding.detector, path, text),
        **places,
    )


def fingerprint(rule: str, path: str, text: str) -> str:
    """Return what stays the same when lines move and blanks or case change.

    >>> fingerprint("a.b", "x.md", "Say  Yes") == fingerprint("a.b", "x.md", "say yes")
    True
    """
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    content = "\0".join((rule, path, words)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(content).hexdigest()[:_FINGERPRINT_CHARS]
