"""A log's tables in PostgreSQL; the one module of the log that imports SQLAlchemy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from ....core.errors import StoreError
from .database import SCHEMA, Row

_ROWS_A_STATEMENT = 1000
"""A statement of PostgreSQL's protocol has at most 65,535 values."""


class PostgresLogDatabase:
    """A log's tables in a PostgreSQL schema, reached by an SQLAlchemy URL (psycopg2).

    The role needs CREATE on the schema when the log is first opened, and afterwards SELECT and
    INSERT on every ``log_`` table, UPDATE on ``log_checkpoints`` and ``log_meta``, and DELETE on
    ``log_checkpoints``: so that not even the log's own role can rewrite an entry or a node.
    """

    def __init__(self, url: str) -> None:
        self._lock = threading.RLock()
        self._open: Connection | None = None
        try:
            # AUTOCOMMIT, so that a read takes no snapshot; `exclusive` says BEGIN itself.
            # The encoding, since notes hold a dash that a server set to ASCII would refuse.
            self._engine = create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                pool_pre_ping=True,
                connect_args={"client_encoding": "utf8"},
            )
            with self._engine.connect() as connection:
                self._create(connection)
        except SQLAlchemyError as error:
            raise _translated(error) from error

    @staticmethod
    def _create(connection: Connection) -> None:
        found = connection.exec_driver_sql("SELECT to_regclass('log_meta') IS NULL").scalar()
        if not found:
            return
        # Two first openers would both create: the second waits, and then finds all there.
        connection.exec_driver_sql("SELECT pg_advisory_lock(6962)")
        try:
            for statement in SCHEMA.format(integer="BIGINT", bytes="BYTEA").split(";"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
        finally:
            connection.exec_driver_sql("SELECT pg_advisory_unlock(6962)")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """See `LogDatabase`."""
        with self._lock:
            try:
                if self._open is not None:
                    return _run(self._open, sql, values)
                with self._engine.connect() as connection:
                    return _run(connection, sql, values)
            except SQLAlchemyError as error:
                raise _translated(error) from error

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """See `LogDatabase`."""
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            part = rows[start : start + _ROWS_A_STATEMENT]
            marks = ", ".join(["(" + ", ".join("?" * len(part[0])) + ")"] * len(part))
            # The name is one of database.py's tables, never a caller's text.
            self.rows(f"INSERT INTO {table} VALUES {marks}", [v for row in part for v in row])  # noqa: S608

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `LogDatabase`."""
        with self._lock:
            try:
                self._open = self._engine.connect()
            except SQLAlchemyError as error:
                raise _translated(error) from error
            try:
                self.rows("BEGIN")
                # EXCLUSIVE: readers go on, a second writer waits until this one has committed.
                self.rows("LOCK TABLE log_entries IN EXCLUSIVE MODE")
                yield
                self.rows("COMMIT")
            except BaseException:
                self._open.invalidate()  # a closed connection rolls back, whatever went wrong
                raise
            finally:
                self._open.close()
                self._open = None

    def check(self) -> None:
        """Do nothing: PostgreSQL finds its own damaged pages when the audit reads them."""

    def close(self) -> None:
        """See `LogDatabase`."""
        self._engine.dispose()


def _run(connection: Connection, sql: str, values: Sequence[object]) -> list[Row]:
    found = connection.exec_driver_sql(sql.replace("?", "%s"), tuple(values) or None)
    if not found.returns_rows:
        return []
    return [tuple(map(_plain, row)) for row in found]


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def _translated(error: SQLAlchemyError) -> StoreError:
    # The driver's text may hold the URL with its password.
    return StoreError(
        f"the log's database cannot serve the call ({type(error).__name__}): check that the "
        "server runs and that its role may use the log's tables"
    )
