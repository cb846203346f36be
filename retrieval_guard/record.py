"""What a retrieval leaves behind: one audit event, and what the session is known to have read."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.events import EventSink
from ..policies import SessionStore, Signal
from .funnel import Ask
from .results import Dropped, Retrieval

_INJECTION_STEPS = frozenset({"strip", "joins"})
_PAGE = 100
"""The audit log keeps so many items of a list."""

_ORDER = ("verify", "label", "policy", "strip", "joins", "echo", "probation", "lone",
          "source_cap", "alike", "duplicate")  # fmt: skip


def record_retrieval(
    retrieval: Retrieval,
    ask: Ask,
    left_out: Sequence[Dropped],
    events: EventSink,
    sessions: SessionStore,
) -> None:
    """Emit the event and update the session; raises if either cannot be kept.

    The event names ids, sources and reasons, and passages that the answer withholds; it never
    holds the query or a text.
    """
    observe_reading(retrieval, ask, left_out, sessions)
    context = ask.context
    events.emit(
        context.event(
            "retrieve",
            retrieval.verdict.decision.value,
            subject=retrieval.answer_id,
            detail={
                "collection": ask.collection.name,
                "purpose": context.purpose,
                "chunks": [chunk.id for chunk in retrieval.chunks],
                "served": _pages([chunk.as_record() for chunk in retrieval.chunks]),
                "integrity": retrieval.integrity.value,
                "dropped": [
                    dropped.as_dict()
                    for dropped in sorted(left_out, key=lambda each: _ORDER.index(each.step))
                ],
                "refused": [
                    finding.detector
                    for finding in retrieval.verdict.findings
                    if finding.kind == "guard_failure"
                ],
            },
        )
    )


def _pages(rows: Sequence[dict[str, str]]) -> list[Sequence[dict[str, str]]]:
    """Cut rows into lists that the audit log keeps whole."""
    return [rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE)]


def observe_reading(
    retrieval: Retrieval, ask: Ask, left_out: Sequence[Dropped], sessions: SessionStore
) -> None:
    """Tell the session what label it read, and that injected text stood in its results."""
    who = (ask.context.tenant, ask.context.principal, ask.context.session)
    if retrieval.chunks:
        sessions.observe_read(*who, retrieval.integrity)
    hostile = any(dropped.step in _INJECTION_STEPS for dropped in left_out)
    if hostile or any(_was_stripped(retrieval, at) for at in range(len(retrieval.chunks))):
        sessions.observe(*who, Signal.INJECTION_READ)


def _was_stripped(retrieval: Retrieval, at: int) -> bool:
    findings = retrieval.chunks[at].verdict.findings
    return any(finding.kind != "pii" for finding in findings)
