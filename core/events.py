"""Events: what the parts report, and the sink that they report it to.

A part takes an `EventSink` and emits; the audit log of ``policies/`` is one sink, memory another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

_LOGGER = logging.getLogger("ragbastion.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was checked or done.

    ``kind`` is dotted (``ingest.quarantined``, ``retrieve.dropped``), ``subject`` an id,
    ``outcome`` a decision or result. ``detail`` holds JSON values: ids, counts, digests and
    reasons, never document text, secrets or personal data. ``time`` is seconds since the epoch.
    """

    kind: str
    tenant: str
    subject: str
    outcome: str
    principal: str = ""
    session: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


class EventSink(Protocol):
    """Receives events; raises if it cannot keep one, so that the guarded act fails closed."""

    def emit(self, event: Event) -> None:
        """Keep one event."""
        ...


class MemoryEventSink:
    """Keeps events in a list, for tests and for a caller that reports them itself."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Append the event."""
        self.events.append(event)


class LoggingEventSink:
    """Writes events to the standard logger ``ragbastion.events`` at INFO."""

    def emit(self, event: Event) -> None:
        """Log kind, tenant, subject, outcome and detail."""
        _LOGGER.info(
            "%s %s %s: %s %s",
            event.kind,
            event.tenant,
            event.subject,
            event.outcome,
            dict(event.detail),
        )


class FanOutEventSink:
    """Passes each event to every sink, in order."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, event: Event) -> None:
        """Emit to each sink; the first that raises stops the rest."""
        for sink in self._sinks:
            sink.emit(event)
