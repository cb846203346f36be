"""A journal in a state file: which rows changed, written by SQLite itself in the same commit.

Triggers keep it, so that a change is noted whichever process makes it and by whatever code, and
none is lost to a kill: what the journal holds and the log lacks is appended later.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ....core.errors import TransparencyError
from ....core.sqlite import as_store_error, open_database, query, transaction
from .entries import Scalar, subject_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log_journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, op TEXT NOT NULL,
    names TEXT NOT NULL);
"""
_OPS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}
FOUND = "found"
"""Noted for rows that were there before the triggers: those of an older version's registry."""

Record = dict[str, Scalar | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A table whose rows are logged.

    ``key`` are its primary key's columns, of text or integers; ``fields`` the columns that an entry
    tells, where the table has them; ``kinds`` the kind of entry for each operation.
    """

    table: str
    noun: str
    key: tuple[str, ...]
    fields: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    def subject(self, names: Sequence[str]) -> str:
        """Return the subject of the row with these key values."""
        return subject_of(self.noun, *names)


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the journal, and the row that it is about as it is now; None if it is gone."""

    seq: int
    watched: Watched
    op: str
    names: tuple[str, ...]
    record: Record | None


class Journal:
    """Reads what changed in those of the watched tables that a file has.

    With ``install`` it sees to the triggers; without, it changes nothing. `silent` tells which
    tables lacked one, `outdated` those whose columns were others when theirs were made.
    """

    def __init__(self, path: Path, watched: Sequence[Watched], *, install: bool = True) -> None:
        self._database = open_database(path, _SCHEMA)
        present = {row["name"] for row in query(self._database, "SELECT name FROM sqlite_master")}
        self._watched = {each.table: each for each in watched if each.table in present}
        found = {name: self._found(each) for name, each in self._watched.items()}
        self.silent = [name for name, each in found.items() if each.keys() != _OPS.keys()]
        self.outdated = [name for name, each in self._watched.items() if not self._has(each)]
        if install:
            for each in self._watched.values():
                self._install(each)

    @property
    def watched(self) -> tuple[Watched, ...]:
        """Return the tables that exist and are watched."""
        return tuple(self._watched.values())

    def changes(self, after: int, last: int, limit: int) -> list[Change]:
        """Return changes in the order of their commits, from after ``after`` up to ``last``."""
        rows = query(
            self._database,
            "SELECT * FROM log_journal WHERE seq > ? AND seq <= ? AND source IN "  # noqa: S608
            f"({', '.join('?' * len(self._watched))}) ORDER BY seq LIMIT ?",
            (after, last, *self._watched, limit),
        )
        return [self._change(row) for row in rows]

    def last(self) -> int:
        """Return the number of the last change that was ever noted, 0 for none."""
        rows = query(self._database, "SELECT seq FROM sqlite_sequence WHERE name = 'log_journal'")
        return int(rows[0]["seq"]) if rows else 0

    def pending(self, after: int) -> set[str]:
        """Return the subjects of the changes after a number."""
        rows = query(self._database, "SELECT * FROM log_journal WHERE seq > ?", (after,))
        known = [row for row in rows if row["source"] in self._watched]
        return {self._watched[row["source"]].subject(_names(row["names"])) for row in known}

    def records(self, watched: Watched) -> Iterator[tuple[str, Record]]:
        """Yield (subject, record) of every row of a table."""
        try:
            for row in self._database.execute(f"SELECT * FROM {watched.table}"):  # noqa: S608
                record = dict(row)
                yield watched.subject([str(record[name]) for name in watched.key]), record
        except sqlite3.Error as error:
            raise as_store_error(error, None) from error

    def record(self, watched: Watched, names: Sequence[str]) -> Record | None:
        """Return the row with these key values, or None."""
        where = " AND ".join(f"{name} = ?" for name in watched.key)
        sql = f"SELECT * FROM {watched.table} WHERE {where}"  # noqa: S608
        rows = query(self._database, sql, names)
        return dict(rows[0]) if rows else None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _change(self, row: sqlite3.Row) -> Change:
        watched, names = self._watched[row["source"]], _names(row["names"])
        return Change(row["seq"], watched, row["op"], names, self.record(watched, names))

    def _has(self, watched: Watched) -> bool:
        """Return whether a table has its triggers, made for the columns that it has now."""
        found = self._found(watched)
        return found == self._triggers(watched)

    def _found(self, watched: Watched) -> dict[str, str]:
        """Return the statements of those of a table's triggers that exist, by operation."""
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        found = {row["name"]: row["sql"] for row in query(self._database, sql, (watched.table,))}
        names = {op: _trigger_name(watched, op) for op in _OPS}
        return {op: found[name] for op, name in names.items() if name in found}

    def _triggers(self, watched: Watched) -> dict[str, str]:
        rows = query(self._database, "SELECT name FROM pragma_table_info(?)", (watched.table,))
        columns = hashlib.sha256("/".join(row["name"] for row in rows).encode()).hexdigest()[:16]
        return {op: _trigger(watched, op, columns) for op in _OPS}

    def _install(self, watched: Watched) -> None:
        """Create a table's triggers if they are not there, and note the rows that it has."""
        if self._has(watched):
            return
        with transaction(self._database) as database:
            if self._has(watched):
                return  # another process was first
            for op, statement in self._triggers(watched).items():
                database.execute(f"DROP TRIGGER IF EXISTS {_trigger_name(watched, op)}")
                database.execute(statement)
            database.execute(
                "INSERT INTO log_journal (source, op, names) "  # noqa: S608 - names of ours
                f"SELECT ?, '{FOUND}', {_key_of(watched, '')} FROM {watched.table} ORDER BY rowid",
                (watched.table,),
            )


def _trigger_name(watched: Watched, op: str) -> str:
    return f"log_{watched.table}_{op}"


def _trigger(watched: Watched, op: str, columns: str) -> str:
    """Return the statement; it names the columns, so that it is made anew when they change."""
    return (
        f"CREATE TRIGGER {_trigger_name(watched, op)} AFTER {op.upper()} ON {watched.table} "  # noqa: S608
        f"BEGIN /* columns {columns} */ "
        f"INSERT INTO log_journal (source, op, names) VALUES ('{watched.table}', '{op}', "
        f"{_key_of(watched, _OPS[op] + '.')}); END"
    )


def _key_of(watched: Watched, prefix: str) -> str:
    """Return SQL for the key values in hex, so that any text can be taken apart again."""
    return " || '/' || ".join(f"hex({prefix}{name})" for name in watched.key)


def _names(text: str) -> tuple[str, ...]:
    try:
        return tuple(bytes.fromhex(each).decode("utf-8", "replace") for each in text.split("/"))
    except ValueError as error:
        raise TransparencyError(
            "registry refused: its journal was changed; restore 'provenance.db' from a backup"
        ) from error
