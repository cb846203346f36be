"""Events reach every sink."""

import logging

import pytest
from ragbastion.core.events import Event, FanOutEventSink, LoggingEventSink, MemoryEventSink

_EVENT = Event(kind="k", tenant="t", subject="s", outcome="o")


def test_fan_out_reaches_all() -> None:
    """Each sink gets the event."""
    sinks = [MemoryEventSink(), MemoryEventSink()]
    FanOutEventSink(sinks).emit(_EVENT)
    assert [sink.events for sink in sinks] == [[_EVENT], [_EVENT]]


def test_logging_sink_writes_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """The logger gets kind, tenant, subject and outcome."""
    with caplog.at_level(logging.INFO, "ragbastion.events"):
        LoggingEventSink().emit(_EVENT)
    assert caplog.messages == ["k t s: o {}"]
