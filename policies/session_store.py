"""Session facts in SQLite: one row a session, constant size, safe across processes.

Counts decay with a half-life of a day, so that a session kept open for weeks is not stopped by
what happened in its first hour; the worst integrity label does not decay, because what an agent has
read stays in its context. State is per tenant, principal AND session: an agent that opens a new
session starts at zero risk again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..core.chunk import Integrity, lowest_integrity
from ..core.errors import UsageError
from ..core.sqlite import as_store_error, open_database, transaction
from .session import SessionFacts, Signal, risk_of

HALF_LIFE_S = 24 * 3600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    integrity TEXT,
    updated REAL NOT NULL,
    injection_read REAL NOT NULL DEFAULT 0,
    denial REAL NOT NULL DEFAULT 0,
    foreign_tenant_probe REAL NOT NULL DEFAULT 0,
    low_integrity_read REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, principal, session)
) WITHOUT ROWID;
"""
_SIGNALS = tuple(Signal)  # INVARIANT: the order of the columns in _WRITE
_WRITE = """
INSERT OR REPLACE INTO sessions (
    tenant, principal, session, integrity, updated,
    injection_read, denial, foreign_tenant_probe, low_integrity_read
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_READ = "SELECT * FROM sessions WHERE tenant = ? AND principal = ? AND session = ?"


class SessionStore:
    """Keeps what each session did and read; `facts` turns it into a risk."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._connection = open_database(path, _SCHEMA)
        # One connection serves all threads: a transaction must not be entered twice.
        self._lock = threading.Lock()
        self._clock = clock

    def observe(
        self, tenant: str, principal: str, session: str, signal: str, weight: float = 1.0
    ) -> SessionFacts:
        """Count a signal ``weight`` times and return the session's facts.

        Raises `UsageError` for a signal that is not a `Signal`, or a weight that is not above 0.
        """
        if signal not in set(_SIGNALS):
            raise UsageError(f"unknown signal '{signal}': known are {[str(s) for s in _SIGNALS]}")
        if not 0 < weight < float("inf"):
            raise UsageError(f"weight {weight} of signal '{signal}' must be above 0 and finite")
        return self._update(tenant, principal, session, {Signal(signal): weight}, None)

    def observe_read(
        self, tenant: str, principal: str, session: str, integrity: Integrity
    ) -> SessionFacts:
        """Record that the session read a passage with this label, and return its facts."""
        low = integrity is not Integrity.TRUSTED
        counts = {Signal.LOW_INTEGRITY_READ: 1.0} if low else {}
        return self._update(tenant, principal, session, counts, integrity)

    def facts(self, tenant: str, principal: str, session: str) -> SessionFacts:
        """Return the facts of a session; of one never seen, no risk and nothing read."""
        try:
            with self._lock:
                row = self._connection.execute(_READ, (tenant, principal, session)).fetchone()
        except sqlite3.Error as error:
            raise as_store_error(error, self._path) from error
        return _facts(session, row, self._clock())

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        self._connection.close()

    def _update(
        self,
        tenant: str,
        principal: str,
        session: str,
        added: dict[Signal, float],
        integrity: Integrity | None,
    ) -> SessionFacts:
        key = (tenant, principal, session)
        with self._lock, transaction(self._connection) as connection:
            now = self._clock()
            facts = _facts(session, connection.execute(_READ, key).fetchone(), now)
            labels = [label for label in (facts.integrity, integrity) if label is not None]
            worst = lowest_integrity(labels) if labels else None
            counts = {name: facts.counts.get(name, 0.0) + added.get(name, 0.0) for name in _SIGNALS}
            values = [counts[name] for name in _SIGNALS]
            connection.execute(_WRITE, (*key, worst.value if worst else None, now, *values))
        return SessionFacts(session=session, risk=risk_of(counts), integrity=worst, counts=counts)


def _facts(session: str, row: sqlite3.Row | None, now: float) -> SessionFacts:
    if row is None:
        return SessionFacts(session=session)
    # A clock that went back must not raise a count.
    decay = 0.5 ** (max(0.0, now - row["updated"]) / HALF_LIFE_S)
    counts = {name: row[name.value] * decay for name in _SIGNALS}
    label = Integrity(row["integrity"]) if row["integrity"] else None
    return SessionFacts(session=session, risk=risk_of(counts), integrity=label, counts=counts)
