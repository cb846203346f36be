"""What the tables of the registry share: one connection, one writer at a time, errors of ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...core.sqlite import query, transaction


class RegistryTable:
    """A part of the registry over a shared connection; safe to share between threads."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._writing = threading.RLock()

    def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return query(self._database, sql, values)

    def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        rows = query(self._database, sql, values)
        return rows[0] if rows else None

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._writing, transaction(self._database) as database:
            yield database
