"""What the tables of the registry share: one connection, one writer at a time, errors of ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...core.sqlite import query, transaction


class RegistryTable:
    """A part of the registry over a shared connection; safe to share between threads.

    INVARIANT: one statement at a time: while one is read, the connection sees no newer commit, and
    another thread would not notice a revocation.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._lock = threading.RLock()

    def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return query(self._database, sql, values)

    def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        rows = self._all(sql, *values)
        return rows[0] if rows else None

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as database:
            yield database
