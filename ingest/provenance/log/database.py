"""Where a log's tables stand: one small interface over SQL, and its SQLite file.

SQL is written once, with ``?`` for values and in what SQLite and PostgreSQL have in common; an
adapter runs it. `postgres.py` holds the other adapter.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ....core.errors import DamagedLogError, StoreError
from ....core.sqlite import as_store_error, open_database

Row = tuple[Any, ...]

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_entries (
    idx {integer} PRIMARY KEY, subject TEXT NOT NULL, entry {bytes} NOT NULL);
CREATE INDEX IF NOT EXISTS log_entries_by_subject
    ON log_entries (subject, idx) WHERE subject <> '';
CREATE TABLE IF NOT EXISTS log_nodes (place {integer} PRIMARY KEY, hash {bytes} NOT NULL);
CREATE TABLE IF NOT EXISTS log_checkpoints (
    size {integer} PRIMARY KEY, note TEXT NOT NULL, kept {integer} NOT NULL);
CREATE TABLE IF NOT EXISTS log_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_CACHE_KIB = 65_536
"""SQLite's own 2 MB makes the index by subject read pages again from 100,000 entries on."""


class LogDatabase(Protocol):
    """Runs a log's SQL; every call is safe from any thread, and errors are `StoreError`."""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a read, or none for a write; inside `exclusive`, in it."""
        ...

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that name every column of a table, in order."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Run a block as one transaction that no other writer of any process overlaps."""
        ...

    def check(self) -> None:
        """Raise `DamagedLogError` if what is stored cannot be read; reads everything."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class SqliteLogDatabase:
    """A log's tables in one SQLite file, owner-only, in WAL mode."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            self._connection = open_database(path, SCHEMA.format(integer="INTEGER", bytes="BLOB"))
        except StoreError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise self._translated(error.__cause__) from error
            raise
        self._connection.row_factory = None
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """See `LogDatabase`."""
        with self._lock:
            try:
                rows: list[Row] = self._connection.execute(sql, tuple(values)).fetchall()
            except sqlite3.Error as error:
                raise self._translated(error) from error
        return rows

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """See `LogDatabase`."""
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        try:
            # The name is one of this module's tables, never a caller's text.
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        except sqlite3.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `LogDatabase`."""
        with self._lock:
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise

    def check(self) -> None:
        """See `LogDatabase`."""
        found = self.rows("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            raise self._translated(sqlite3.DatabaseError(str(found[0][0]).split("\n")[-1]))

    def close(self) -> None:
        """See `LogDatabase`."""
        with self._lock:
            self._connection.close()

    def _translated(self, error: sqlite3.Error) -> StoreError:
        # SQLite says corrupt and not-a-database with the base class; busy and full with a child.
        if type(error) is not sqlite3.DatabaseError:
            return as_store_error(error, self._path)
        return DamagedLogError(
            f"the log file '{self._path}' is cut or corrupt ({error}): restore it, with its -wal "
            "file, from a backup; the seen checkpoint beside it tells the least size that the "
            "backup must have, and what the registry holds beyond it is appended again"
        )
