"""Session risk: what raises it, how it decays, and that processes share it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import StoreError, UsageError
from ragbastion.policies import SessionFacts, SessionStore, Signal
from ragbastion.policies.session import risk_of
from ragbastion.policies.session_store import HALF_LIFE_S

KEY = ("acme", "agent-7", "s-1")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time set."""
        return self.now


def test_a_session_never_seen_has_no_risk(tmp_path: Path) -> None:
    """No signal, no risk, nothing read."""
    facts = SessionStore(tmp_path / "s.db").facts(*KEY)
    assert (facts.risk, facts.integrity, facts.counts) == (0, None, {})


def test_three_probes_of_another_tenant_reach_the_hard_stop(tmp_path: Path) -> None:
    """30, 60, 90: the stop of the shipped policies is at 90."""
    store = SessionStore(tmp_path / "s.db", clock=Clock())
    risks = [store.observe(*KEY, Signal.FOREIGN_TENANT_PROBE).risk for _ in range(3)]
    assert risks == [30, 60, 90]


def test_a_signal_is_capped() -> None:
    """Injections that others wrote into documents never stop a session alone."""
    assert risk_of({Signal.INJECTION_READ: 1000.0}) == 75


def test_signals_combine_as_independent_probabilities() -> None:
    """1 - (1 - 0.25)(1 - 0.10) = 0.325."""
    assert risk_of({Signal.INJECTION_READ: 1.0, Signal.DENIAL: 1.0}) == 32


def test_counts_halve_in_a_day_and_labels_do_not(tmp_path: Path) -> None:
    """What an agent has read stays in its context; what it did fades."""
    clock = Clock()
    store = SessionStore(tmp_path / "s.db", clock=clock)
    store.observe(*KEY, Signal.INJECTION_READ, weight=2.0)
    store.observe_read(*KEY, Integrity.UNVERIFIED)
    clock.now += HALF_LIFE_S
    facts = store.facts(*KEY)
    assert facts.counts[Signal.INJECTION_READ] == pytest.approx(1.0)
    assert facts.integrity is Integrity.UNVERIFIED


def test_a_clock_that_goes_back_raises_nothing(tmp_path: Path) -> None:
    """Time before the last update counts as no time."""
    clock = Clock()
    store = SessionStore(tmp_path / "s.db", clock=clock)
    store.observe(*KEY, Signal.DENIAL)
    clock.now -= 10 * HALF_LIFE_S
    assert store.facts(*KEY).counts[Signal.DENIAL] == 1.0


def test_the_lowest_label_is_kept(tmp_path: Path) -> None:
    """A trusted read after an untrusted one does not raise the label."""
    store = SessionStore(tmp_path / "s.db")
    store.observe_read(*KEY, Integrity.UNTRUSTED)
    assert store.observe_read(*KEY, Integrity.TRUSTED).integrity is Integrity.UNTRUSTED


def test_sessions_are_apart_by_tenant_principal_and_session(tmp_path: Path) -> None:
    """No other key sees the signal."""
    store = SessionStore(tmp_path / "s.db")
    store.observe(*KEY, Signal.DENIAL)
    others = [("globex", *KEY[1:]), ("acme", "b", "s-1"), (*KEY[:2], "s-2")]
    assert [store.facts(*other).risk for other in others] == [0, 0, 0]


def test_two_connections_add_to_one_session(tmp_path: Path) -> None:
    """State is in the file, not in the process."""
    first, second = SessionStore(tmp_path / "s.db"), SessionStore(tmp_path / "s.db")
    first.observe(*KEY, Signal.FOREIGN_TENANT_PROBE)
    assert second.observe(*KEY, Signal.FOREIGN_TENANT_PROBE).risk == 60


@pytest.mark.parametrize(("signal", "weight"), [("mood", 1.0), ("denial", 0.0), ("denial", -1.0)])
def test_an_unknown_signal_or_weight_is_refused(tmp_path: Path, signal: str, weight: float) -> None:
    """A signal that would not count is an error, not silence."""
    with pytest.raises(UsageError):
        SessionStore(tmp_path / "s.db").observe(*KEY, signal, weight)


def test_a_closed_store_is_a_store_error(tmp_path: Path) -> None:
    """No SQLite error leaves the store."""
    store = SessionStore(tmp_path / "s.db")
    store.close()
    with pytest.raises(StoreError):
        store.facts(*KEY)


def test_facts_combine_to_the_worse_of_each() -> None:
    """A caller cannot lower what the store knows."""
    told = SessionFacts(session="s", risk=0, integrity=Integrity.TRUSTED)
    known = SessionFacts(session="s", risk=70, integrity=Integrity.UNVERIFIED)
    assert told.worst(known).as_dict() == {
        "session": "s",
        "risk": 70,
        "integrity": "unverified",
        "counts": {},
    }
