"""The JSON forms of results that others script against: on the wire as on the command line.

A test holds each of them; a field may be added in a release, none renamed or removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.verdict import Verdict
    from ..ingest.scanner import Stripped
    from ..pii import Redacted
    from ..policies import Authorization

Scalar = str | int | float | bool | None
Fields = dict[str, Any]


def verdict_fields(identity: Scalar, verdict: Verdict) -> Fields:
    """Return a scan's verdict; ``ms`` is the time that its layers took."""
    return {
        "id": identity,
        "decision": verdict.decision.value,
        "score": round(verdict.score, 6),
        "findings": [finding.as_dict() for finding in verdict.findings],
        "ms": round(sum(verdict.timings_ms.values()), 3),
    }


def stripped_fields(identity: Scalar, stripped: Stripped) -> Fields:
    """Return what is left of a text, and the spans of the input that were removed."""
    removed = [list(span) for span in stripped.removed]
    return {"id": identity, "text": stripped.text, "removed": removed}


def neutralised_fields(identity: Scalar, marked: Stripped) -> Fields:
    """Return a text with its instructions marked as data, and where in the input they stood."""
    spans = [list(span) for span in marked.removed]
    return {"id": identity, "text": marked.text, "neutralised": spans}


def redacted_fields(identity: Scalar, redacted: Redacted) -> Fields:
    """Return a text with its personal data masked, and where in the input that stood."""
    entities = [
        {"type": found.type, "start": found.start, "end": found.end, "score": round(found.score, 6)}
        for found in redacted.entities
    ]
    return {"id": identity, "text": redacted.text, "entities": entities}


def authorization_fields(identity: Scalar, authorization: Authorization) -> Fields:
    """Return a decision on an action, why, and what must be done with its result."""
    return {
        "id": identity,
        "decision": authorization.decision.value,
        "reasons": list(authorization.reasons),
        "obligations": list(authorization.obligations),
    }
