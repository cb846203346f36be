"""The original bytes of what sources in probation brought, while it may still be taken back.

The store has a document's chunks and not its bytes. A document that is held later must be there as
it came, to be looked at and released, so it is kept here until the probation of its source is over.

- INVARIANT: bytes are here before the store can serve their document.
- Where there is no room the oldest go: such a document is taken back with its visible text alone.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from ...core.chunk import TenantId
from ...core.sqlite import query, transaction

WATCHED_SCHEMA = """
CREATE TABLE IF NOT EXISTS watched (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    digest TEXT NOT NULL, media_type TEXT NOT NULL, raw BLOB NOT NULL, size INTEGER NOT NULL,
    at REAL NOT NULL, UNIQUE (tenant, collection, source, document, digest)
);
CREATE INDEX IF NOT EXISTS watched_by_time ON watched (tenant, collection, at, size);
"""

MOST_BYTES = 256_000_000
"""Of a tenant's collection."""

_ROW_BYTES = 1_000
"""What a row counts beside its bytes, so that empty documents have an end too."""

_TRIM_EVERY = MOST_BYTES // 8
"""To see what there is costs time that grows with it; so this much may be over."""

Names = tuple[str, str, str, str, str]
"""Tenant, collection, source, document and digest, as `QuarantineKey.as_tuple` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A document's bytes (untrusted) and what they were loaded as."""

    names: Names
    raw: bytes
    media_type: str


class Watched:
    """Originals beside the quarantine, in its file; made by `Quarantine`."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.Lock) -> None:
        self._connection = connection
        self._lock = lock
        self._since_trim: dict[tuple[str, str], int] = {}

    def keep(self, originals: Sequence[Original], now: float) -> None:
        """Keep the bytes of documents that are about to be stored, of one collection."""
        if not originals:
            return
        with self._lock, transaction(self._connection) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO watched VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (*each.names, each.media_type, each.raw, len(each.raw) + _ROW_BYTES, now)
                    for each in originals
                ],
            )
            scope = originals[0].names[:2]
            added = self._since_trim.get(scope, _TRIM_EVERY)
            added += sum(len(each.raw) + _ROW_BYTES for each in originals)
            if added >= _TRIM_EVERY:
                _trim(connection, scope)
                added = 0
            self._since_trim[scope] = added

    def find(self, names: Names) -> Original | None:
        """Return the original of exactly this version, if it is still kept."""
        with self._lock:
            rows = query(
                self._connection,
                "SELECT raw, media_type FROM watched WHERE tenant = ? AND collection = ? "
                "AND source = ? AND document = ? AND digest = ?",
                names,
            )
        if not rows:
            return None
        return Original(names=names, raw=bytes(rows[0]["raw"]), media_type=rows[0]["media_type"])

    def forget(self, tenant: TenantId, collection: str, before: float) -> None:
        """Drop what came before a time: the probation of its source is over."""
        with self._lock, transaction(self._connection) as connection:
            connection.execute(
                "DELETE FROM watched WHERE tenant = ? AND collection = ? AND at < ?",
                (tenant, collection, before),
            )


def _trim(connection: sqlite3.Connection, scope: tuple[str, ...]) -> None:
    connection.execute(
        "DELETE FROM watched WHERE rowid IN (SELECT rowid FROM (SELECT rowid, "
        "sum(size) OVER (ORDER BY at DESC, rowid DESC) AS held FROM watched "
        "WHERE tenant = ? AND collection = ?) WHERE held > ?)",
        (*scope, MOST_BYTES),
    )
