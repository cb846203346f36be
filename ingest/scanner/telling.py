"""Telling: a judgement as findings and reasons for a person, without secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...core.verdict import Finding
from .evidence import WINDOW, Hit
from .judging import Judgement

MAX_FINDINGS = 200
"""Findings told in one verdict, the worst first; the score and the strip always use all."""
_MIN_TOLD = 0.15
"""Sentences that score less are no findings; the score counts them all the same."""
_MAX_EVIDENCE = 80
_MAX_REASONS = 12
# Long runs of letters and digits may be keys, and long figures card or account numbers.
_SECRET_LIKE = re.compile(r"[A-Za-z0-9+/_=-]{20,}|\d[\d -]{6,}\d")


def findings(
    judged: Judgement, text: str, kind: str, *, spanned: bool = True
) -> tuple[Finding, ...]:
    """Return the worst findings of ``judged``, by position; with spans in ``text`` if spanned."""
    pairs = zip(judged.hits, judged.scores, strict=True)
    told = [(hit, score) for hit, score in pairs if _tells(hit, score, judged.score)]
    worst = sorted(told, key=lambda pair: -pair[1])[:MAX_FINDINGS]
    worst.sort(key=lambda pair: pair[0].start)
    return tuple(finding(hit, score, text, kind, spanned=spanned) for hit, score in worst)


def _tells(hit: Hit, score: float, worst: float) -> bool:
    """Tell whether a hit is worth a finding; a harmless sentence beside an injection is not."""
    if hit.rule:
        return True
    return score >= _MIN_TOLD and (hit.value >= 0.5 or score == worst)


def finding(hit: Hit, score: float, text: str, kind: str, *, spanned: bool = True) -> Finding:
    """Return ``hit`` as a finding with short evidence from ``text``."""
    return Finding(
        kind=kind,
        detector=hit.detector,
        score=score,
        severity=hit.severity,
        span=(hit.start, hit.end) if spanned else None,
        evidence=quote(text[hit.start : min(hit.end, hit.start + 4 * _MAX_EVIDENCE)]),
    )


def reasons(judged: Judgement, hidden: str | None) -> tuple[str, ...]:
    """Return sentences that name the worst place of ``judged`` and what speaks for it."""
    top = max(range(len(judged.hits)), key=lambda index: judged.scores[index])
    inside = _around(judged, judged.hits[top], judged.scores[top])
    where = "hidden text" if hidden is not None else "text"
    how = f" ({hidden})" if hidden else ""
    first, last = inside[0].start, max(hit.end for hit in inside)
    summary = (
        f"characters {first} to {last} of the {where}{how} hold instructions aimed at the "
        f"model with probability {judged.scores[top]:.2f}"
    )
    seen = dict.fromkeys(
        f"{hit.detector}: {hit.description}" + (" It was disguised." if hit.disguised else "")
        for hit in inside
    )
    return (summary, *list(seen)[:_MAX_REASONS])


def _around(judged: Judgement, worst: Hit, score: float) -> Sequence[Hit]:
    """Return the hits near the worst one that add to what it says."""
    return [
        hit
        for hit, own in zip(judged.hits, judged.scores, strict=True)
        if hit is worst or (abs(hit.start - worst.start) <= WINDOW and own >= score / 2)
    ]


def quote(text: str) -> str:
    """Return a short quotation on one line, without what may be a secret or cannot be seen."""
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * _MAX_EVIDENCE])
    shown = _SECRET_LIKE.sub("…", " ".join(shown.split()))
    return shown if len(shown) <= _MAX_EVIDENCE else shown[: _MAX_EVIDENCE - 1] + "…"
