"""SQLite state files that several processes may share and a kill cannot corrupt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import StoreError, StoreFullError, StoreLockedError

_BUSY_TIMEOUT_S = 10.0


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open or create a state file, owner-only, in WAL mode, and apply an idempotent schema.

    The connection is in autocommit mode and may pass between threads; wrap writes in `transaction`.
    Raises `StoreError` if the file cannot be opened or is not a database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a committed decision must survive power loss, not only a kill.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.executescript(schema)
    except (OSError, sqlite3.Error) as error:
        raise as_store_error(error, path) from error
    connection.row_factory = sqlite3.Row
    return connection


def open_memory_database(schema: str) -> sqlite3.Connection:
    """Return a database of this process alone, for state that need not outlive it."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(schema)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the block as one write transaction: all of it is kept, or none.

    SQLite errors leave as `StoreError` and its children; other errors roll back and go on.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise as_store_error(error, None) from error
        raise


def query(
    connection: sqlite3.Connection, sql: str, values: Sequence[object] = ()
) -> list[sqlite3.Row]:
    """Return every row of a read; SQLite errors leave as `StoreError` and its children."""
    try:
        rows: list[sqlite3.Row] = connection.execute(sql, tuple(values)).fetchall()
    except sqlite3.Error as error:
        raise as_store_error(error, None) from error
    return rows


def as_store_error(error: OSError | sqlite3.Error, path: Path | None) -> StoreError:
    """Translate an operating system or SQLite error into one that says what to do."""
    where = f" '{path}'" if path is not None else ""
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return StoreLockedError(
            f"state file{where} is locked by another process: wait for it to end, or stop it"
        )
    if "full" in text or "no space" in text or "too large" in text:
        return StoreFullError(
            f"state file{where} was not written: no space is left; free some and run again, "
            "nothing that was committed is lost"
        )
    # The text of an OSError ends in the path and begins with a number.
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreError(f"state file{where} cannot be used: {why}{_advice(text)}")


def _advice(text: str) -> str:
    """Return what to do about an error of SQLite or the system, or nothing."""
    if "malformed" in text or "not a database" in text:
        return "; restore it, with its -wal file, from a backup"
    if "readonly" in text or "read-only" in text or "permission denied" in text:
        return "; run this as a user who may write the file and its folder"
    # SQLite's words for a shared memory file that does not fit on a full disk, too.
    return "; see whether the disk is full or failing" if "disk i/o" in text else ""
