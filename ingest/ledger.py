"""The ledger: what stands in a collection from which document, so that a run can be repeated.

A document's row is written only after the store has kept its chunks. Three tables make any
kill harmless, and tell at retrieval which version of a document is the current one (a fourth,
`ledger_labels`, tells who may read it):

- ``documents`` says which chunks are the current ones of a document.
- ``loose`` says which chunks may be in the store without being current: those that are about to be
  written, and those that a newer version has replaced.
- ``withdrawn`` says which documents were taken out, so that none comes back by itself.

INVARIANT: a chunk id is in ``loose`` or in ``documents`` before the store can hold it, and leaves
``loose`` only by becoming current or after the store has deleted it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.chunk import ChunkId, Digest, DocumentId, TenantId
from ..core.sqlite import open_database, query, transaction
from .ledger_labels import LABELS_SCHEMA, LedgerLabels

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
        self._connection = open_database(path, _SCHEMA + LABELS_SCHEMA)
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

    def intend(self, entries: Sequence[LedgerEntry]) -> None:
        """Note chunks that are about to be written, unless they are current already."""
        with self._lock, transaction(self._connection) as connection:
            for entry in entries:
                current = _current(connection, entry.key)
                _loosen(connection, entry.key, [c for c in entry.chunks if c not in current])

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

    def retire(self, key: LedgerKey) -> None:
        """Make a document's current chunks loose, so that they can be deleted."""
        with self._lock, transaction(self._connection) as connection:
            _retire(connection, key)

    def withdraw(self, key: LedgerKey) -> None:
        """Retire a document and remember that, so that no older version passes for current."""
        with self._lock, transaction(self._connection) as connection:
            _retire(connection, key)
            connection.execute(
                "INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?, ?, ?)",
                (*key.as_tuple(), time.time()),
            )

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


def _retire(connection: sqlite3.Connection, key: LedgerKey) -> None:
    _loosen(connection, key, sorted(_current(connection, key)))
    connection.execute(f"DELETE FROM documents {_WHERE}", key.as_tuple())  # noqa: S608


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
