"""The ledger: what stands in a collection from which document, so that a run can be repeated.

A document's row is written only after the store has kept its chunks. Three tables make any
kill harmless, and tell at retrieval which version of a document is the current one (a fourth,
`ledger_labels`, tells who may read it):

- ``documents`` says which chunks are the current ones of a document.
- ``loose`` says which chunks may be in the store without being current: those that are about to be
  written, and those that a newer version has replaced.
- ``withdrawn`` says which documents were taken out, so that none comes back by itself.

What is noted beside them tells a ledger that was put back from one that a kill interrupted
(`ledger_notes`).

INVARIANT: a chunk id is in ``loose`` or in ``documents`` before the store can hold it, and leaves
``loose`` only by becoming current or after the store has deleted it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.chunk import ChunkId, Digest, DocumentId, TenantId
from ..core.sqlite import as_store_error, open_database, query, transaction
from .ledger_labels import LABELS_SCHEMA, LedgerLabels
from .ledger_notes import (
    INTENDED,
    NOTES_SCHEMA,
    RETIRED,
    STANDING,
    Standing,
    count_change,
    note,
    settle,
    standing_of,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    digest TEXT NOT NULL, pipeline TEXT NOT NULL, chunks TEXT NOT NULL, points INTEGER NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (collection, tenant, source, document)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS loose (
    collection TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    chunk TEXT NOT NULL, PRIMARY KEY (collection, tenant, source, document, chunk)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawn (
    collection TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (collection, tenant, source, document)
) WITHOUT ROWID;
"""

LEDGER_FILE = "ledger.db"
"""Inside the state folder."""

_WHERE = "WHERE collection = ? AND tenant = ? AND source = ? AND document = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKey:
    """One document of one source of a tenant; ``collection`` is the collection's uid."""

    collection: str
    tenant: TenantId
    source: str
    document: DocumentId

    @classmethod
    def of(cls, names: tuple[str, str, str, str]) -> LedgerKey:
        """Return the key with these fields, in the order of `as_tuple`."""
        collection, tenant, source, document = names
        return cls(
            collection=collection,
            tenant=TenantId(tenant),
            source=source,
            document=DocumentId(document),
        )

    def as_tuple(self) -> tuple[str, str, str, str]:
        """Return the fields in the order of the primary key."""
        return (self.collection, self.tenant, self.source, self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What is kept of a document: digest of its bytes, version of the pipeline, ids of its chunks.

    ``at`` is when it was written, in seconds since the epoch.
    """

    key: LedgerKey
    digest: Digest
    pipeline: str
    chunks: tuple[ChunkId, ...]
    at: float = 0.0


class Ledger:
    """Keeps the ledger in one SQLite file, owner-only; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA + NOTES_SCHEMA + LABELS_SCHEMA)
        self._lock = threading.Lock()
        self.labels = LedgerLabels(self._connection, self._lock)

    def find(self, key: LedgerKey) -> LedgerEntry | None:
        """Return what is kept of a document, or None."""
        rows = self._query(
            f"SELECT digest, pipeline, chunks, at FROM documents {_WHERE}",  # noqa: S608
            *key.as_tuple(),
        )
        if not rows:
            return None
        return LedgerEntry(
            key=key,
            digest=Digest(rows[0]["digest"]),
            pipeline=rows[0]["pipeline"],
            chunks=tuple(ChunkId(each) for each in json.loads(rows[0]["chunks"])),
            at=rows[0]["at"],
        )

    def intend(self, entries: Sequence[LedgerEntry]) -> int:
        """Note what is about to be signed and written; return the number of this change.

        Chunks that are current already do not become loose.
        """
        with self._lock, transaction(self._connection) as connection:
            for entry in entries:
                current = _current(connection, entry.key)
                _loosen(connection, entry.key, [c for c in entry.chunks if c not in current])
                note(connection, entry.key.as_tuple(), entry.digest, INTENDED)
            return count_change(connection)

    def intend_withdrawal(self, key: LedgerKey) -> int:
        """Note that a document is about to be withdrawn; return the number of this change."""
        with self._lock, transaction(self._connection) as connection:
            note(connection, key.as_tuple(), "", INTENDED)
            return count_change(connection)

    def commit(self, entries: Sequence[LedgerEntry]) -> None:
        """Make these the current chunks of their documents; what they replace becomes loose."""
        now = time.time()
        with self._lock, transaction(self._connection) as connection:
            for entry in entries:
                replaced = _current(connection, entry.key).difference(entry.chunks)
                _loosen(connection, entry.key, sorted(replaced))
                _fasten(connection, entry.key, entry.chunks)
                connection.execute(
                    "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *entry.key.as_tuple(),
                        entry.digest,
                        entry.pipeline,
                        json.dumps(entry.chunks),
                        len(entry.chunks),
                        now,
                    ),
                )
                connection.execute(
                    f"DELETE FROM withdrawn {_WHERE}",  # noqa: S608
                    entry.key.as_tuple(),
                )
                settle(connection, entry.key.as_tuple(), entry.digest)
            count_change(connection)

    def retire(self, key: LedgerKey) -> None:
        """Make a document's current chunks loose, so that they can be deleted."""
        with self._lock, transaction(self._connection) as connection:
            if digest := _retire(connection, key):
                note(connection, key.as_tuple(), digest, RETIRED)
            count_change(connection)

    def withdraw(self, key: LedgerKey) -> None:
        """Retire a document and remember that, so that no older version passes for current."""
        with self._lock, transaction(self._connection) as connection:
            _retire(connection, key)
            connection.execute(
                "INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?, ?, ?)",
                (*key.as_tuple(), time.time()),
            )
            settle(connection, key.as_tuple(), "")
            count_change(connection)

    def count_on_from(self, changes: int) -> None:
        """Count on from ``changes``, once what a ledger that was put back lacks was made good."""
        with self._lock, transaction(self._connection) as connection:
            connection.execute("UPDATE changes SET count = max(count, ?)", (changes,))

    def changes(self) -> int:
        """Return how often the ledger changed; a copy that is put back has a smaller number."""
        return int(self._query("SELECT count FROM changes")[0]["count"])

    def standing(self, key: LedgerKey) -> Standing:
        """Return all that the ledger says of a document."""
        return standing_of(self._query(STANDING, *key.as_tuple())[0])

    def is_unfinished(self, key: LedgerKey) -> bool:
        """Return whether a version of a document was to be written and never was committed."""
        found = self._query(
            f"SELECT 1 FROM noted {_WHERE} AND why = ?",  # noqa: S608
            *key.as_tuple(),
            INTENDED,
        )
        return bool(found)

    def keys(self, collection: str | None = None) -> Iterator[LedgerKey]:
        """Yield every document that has a current version, of a collection (its uid) or of all."""
        try:
            yield from (
                LedgerKey.of(tuple(row))
                for row in self._connection.execute(
                    "SELECT collection, tenant, source, document FROM documents "
                    "WHERE ?1 IS NULL OR collection = ?1",
                    (collection,),
                )
            )
        except sqlite3.Error as error:
            raise as_store_error(error, None) from error

    def withdrawn_at(self, key: LedgerKey) -> float | None:
        """Return when a document was withdrawn; None if it was not, or was ingested again."""
        rows = self._query(
            f"SELECT at FROM withdrawn {_WHERE}",  # noqa: S608
            *key.as_tuple(),
        )
        return float(rows[0]["at"]) if rows else None

    def version(self) -> tuple[int, int]:
        """Return numbers that are other ones once anything was written, by whichever process.

        Cheap: SQLite says by ``PRAGMA data_version`` whether another connection has written.
        """
        [row] = self._query("PRAGMA data_version")
        return row[0], self._connection.total_changes

    def loose(self, key: LedgerKey) -> list[ChunkId]:
        """Return the chunks of a document that may be in the store and are not current."""
        rows = self._query(f"SELECT chunk FROM loose {_WHERE}", *key.as_tuple())  # noqa: S608
        return [ChunkId(row["chunk"]) for row in rows]

    def forget(self, key: LedgerKey, chunks: Sequence[ChunkId]) -> None:
        """Drop loose chunks that the store has deleted."""
        with self._lock, transaction(self._connection) as connection:
            _fasten(connection, key, chunks)

    def points(self, collection: str, tenant: TenantId) -> int:
        """Return how many chunks are current for a tenant in a collection (its uid)."""
        rows = self._query(
            "SELECT coalesce(sum(points), 0) AS points FROM documents "
            "WHERE collection = ? AND tenant = ?",
            collection,
            tenant,
        )
        return int(rows[0]["points"])

    def chunks(self, collection: str, tenant: TenantId) -> set[ChunkId]:
        """Return the ids of all chunks that are current for a tenant in a collection (its uid)."""
        rows = self._query(
            "SELECT chunks FROM documents WHERE collection = ? AND tenant = ?", collection, tenant
        )
        return {ChunkId(each) for row in rows for each in json.loads(row["chunks"])}

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        self._connection.close()

    def _query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return query(self._connection, sql, values)


def _current(connection: sqlite3.Connection, key: LedgerKey) -> set[str]:
    row = connection.execute(
        f"SELECT chunks FROM documents {_WHERE}",  # noqa: S608
        key.as_tuple(),
    ).fetchone()
    return set() if row is None else set(json.loads(row["chunks"]))


def _retire(connection: sqlite3.Connection, key: LedgerKey) -> str:
    """Return the digest of the version that was current, or "" if none was."""
    _loosen(connection, key, sorted(_current(connection, key)))
    deleted = connection.execute(
        f"DELETE FROM documents {_WHERE} RETURNING digest",  # noqa: S608
        key.as_tuple(),
    ).fetchall()
    return str(deleted[0]["digest"]) if deleted else ""


def _loosen(connection: sqlite3.Connection, key: LedgerKey, chunks: Sequence[str]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO loose VALUES (?, ?, ?, ?, ?)",
        [(*key.as_tuple(), chunk) for chunk in chunks],
    )


def _fasten(connection: sqlite3.Connection, key: LedgerKey, chunks: Sequence[str]) -> None:
    connection.executemany(
        f"DELETE FROM loose {_WHERE} AND chunk = ?",  # noqa: S608
        [(*key.as_tuple(), chunk) for chunk in chunks],
    )
