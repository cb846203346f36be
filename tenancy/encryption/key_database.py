"""Wrapped data keys in SQLite, which threads and processes share.

- INVARIANT: versions of a tenant only grow, also over an erasure, so a version names one key.
- INVARIANT: every row is wrapped under the one key-encryption key that the file names; a change of
  it is staged row by row and becomes visible in one transaction.
- INVARIANT: what is deleted is overwritten (``secure_delete``), and `scrub` rewrites the file and
  empties the write-ahead log.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import StoreLockedError, TenantKeyError
from ...core.sqlite import as_store_error, open_database, query, transaction
from .key_records import ErasedKey, TenantState, WrappedKey

_SCHEMA = """
CREATE TABLE IF NOT EXISTS key_encryption (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tenants (
    tenant TEXT PRIMARY KEY, highest INTEGER NOT NULL, erased_at REAL
) STRICT;
CREATE TABLE IF NOT EXISTS data_keys (
    tenant TEXT NOT NULL REFERENCES tenants (tenant),
    version INTEGER NOT NULL,
    key_id TEXT NOT NULL UNIQUE,
    kek_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    seals INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    PRIMARY KEY (tenant, version)
) STRICT;
CREATE TABLE IF NOT EXISTS staged_keys (
    key_id TEXT PRIMARY KEY REFERENCES data_keys (key_id) ON DELETE CASCADE,
    kek_id TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS erased_keys (
    tenant TEXT NOT NULL,
    version INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped_sha256 TEXT NOT NULL,
    erased_at REAL NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, version)
) STRICT;
"""


class KeyDatabase:
    """The statements on one file; each method is one transaction and may be called by any thread.

    Raises `StoreError` and its children if the file cannot serve.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._lock = threading.RLock()
        self._connection = open_database(self._path, _SCHEMA)
        # The temporary file of VACUUM would be one more place that wrapped keys were written to.
        self._run("PRAGMA secure_delete=ON")
        self._run("PRAGMA temp_store=MEMORY")

    def state(self, tenant: str) -> TenantState:
        """Return what is known of the tenant; nothing is known of one that was never seen."""
        rows = self._query(
            "SELECT t.highest, t.erased_at, k.version FROM tenants t "
            "LEFT JOIN data_keys k USING (tenant) WHERE t.tenant = ? ORDER BY k.version",
            tenant,
        )
        if not rows:
            return TenantState()
        versions = tuple(row["version"] for row in rows if row["version"] is not None)
        erased = rows[0]["erased_at"] is not None
        return TenantState(versions=versions, highest=rows[0]["highest"], erased=erased)

    def key(self, tenant: str, version: int) -> WrappedKey | None:
        """Return the wrapped key, or None."""
        sql = "SELECT * FROM data_keys WHERE tenant = ? AND version = ?"
        return next(map(WrappedKey.of, self._query(sql, tenant, version)), None)

    def keys(self) -> list[WrappedKey]:
        """Return every wrapped key by tenant and version."""
        return [WrappedKey.of(row) for row in self._query("SELECT * FROM data_keys ORDER BY 1, 2")]

    def erased(self, tenant: str | None = None) -> dict[str, list[ErasedKey]]:
        """Return the dropped keys of one tenant, or of all, by tenant."""
        sql = "SELECT * FROM erased_keys WHERE ?1 IS NULL OR tenant = ?1 ORDER BY tenant, version"
        found: dict[str, list[ErasedKey]] = {}
        for row in self._query(sql, tenant):
            found.setdefault(row["tenant"], []).append(ErasedKey.of(row))
        return found

    def unreported(self) -> list[str]:
        """Return the tenants whose erasure was not finished."""
        sql = "SELECT DISTINCT tenant FROM erased_keys WHERE NOT reported ORDER BY 1"
        return [row["tenant"] for row in self._query(sql)]

    def add(self, key: WrappedKey, *, recreate: bool) -> bool:
        """Keep the key as the tenant's newest.

        False, and nothing is kept, if the tenant's state moved on meanwhile. Raises
        `TenantKeyError` if the file's keys are under another key-encryption key.
        """
        with self._writing() as database:
            _require_kek(database, key.kek_id)
            row = database.execute(
                "SELECT highest, erased_at FROM tenants WHERE tenant = ?", (key.tenant,)
            ).fetchone()
            highest, erased = (0, False) if row is None else (row[0], row[1] is not None)
            if highest != key.version - 1 or erased != recreate:
                return False
            database.execute(
                "INSERT INTO tenants VALUES (?1, ?2, NULL) ON CONFLICT (tenant) "
                "DO UPDATE SET highest = ?2, erased_at = NULL",
                (key.tenant, key.version),
            )
            database.execute(
                "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, 0, ?)",
                (key.tenant, key.version, key.key_id, key.kek_id, key.wrapped, key.created_at),
            )
        return True

    def reserve(self, tenant: str, version: int, wanted: int, limit: int) -> int:
        """Take up to ``wanted`` of the key's ``limit`` of seals; return how many, 0 for none."""
        with self._writing() as database:
            row = database.execute(
                "SELECT seals FROM data_keys WHERE tenant = ? AND version = ?", (tenant, version)
            ).fetchone()
            granted = 0 if row is None else max(0, min(wanted, limit - row[0]))
            if granted:
                database.execute(
                    "UPDATE data_keys SET seals = seals + ? WHERE tenant = ? AND version = ?",
                    (granted, tenant, version),
                )
        return granted

    def erase(self, tenant: str) -> None:
        """Drop every key of the tenant and keep ids and digests; nothing to drop is no error."""
        now = time.time()
        with self._writing() as database:
            rows = database.execute("SELECT * FROM data_keys WHERE tenant = ?", (tenant,))
            gone = [
                (key.tenant, key.version, key.key_id, key.kek_id, key.wrapped_sha256, now)
                for key in map(WrappedKey.of, rows.fetchall())
            ]
            database.executemany("INSERT INTO erased_keys VALUES (?, ?, ?, ?, ?, ?, 0)", gone)
            database.execute("DELETE FROM data_keys WHERE tenant = ?", (tenant,))
            database.execute(
                "UPDATE tenants SET erased_at = coalesce(erased_at, ?) WHERE tenant = ?",
                (now, tenant),
            )

    def mark_reported(self, tenant: str) -> None:
        """Record that the proof of the tenant's erasure is kept."""
        with self._writing() as database:
            database.execute("UPDATE erased_keys SET reported = 1 WHERE tenant = ?", (tenant,))

    def kek_id(self) -> str | None:
        """Return which key-encryption key the rows are wrapped under; None before the first."""
        rows = self._query("SELECT id FROM key_encryption")
        return rows[0]["id"] if rows else None

    def unstaged(self, kek_id: str) -> list[WrappedKey]:
        """Return the keys that are neither under the key-encryption key nor staged for it."""
        return [
            WrappedKey.of(row)
            for row in self._query(
                "SELECT * FROM data_keys WHERE kek_id != ?1 AND key_id NOT IN "
                "(SELECT key_id FROM staged_keys WHERE kek_id = ?1) ORDER BY tenant, version",
                kek_id,
            )
        ]

    def stage(self, key_id: str, kek_id: str, wrapped: bytes) -> None:
        """Keep the form that `switch` will put in place; a key dropped meanwhile is left out."""
        with self._writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO staged_keys SELECT key_id, ?, ? FROM data_keys "
                "WHERE key_id = ?",
                (kek_id, wrapped, key_id),
            )

    def switch(self, kek_id: str) -> int | None:
        """Put every staged form in place at once; return how many, None if one is not staged."""
        with self._writing() as database:
            if self.unstaged(kek_id):
                return None
            changed = database.execute(
                "UPDATE data_keys SET kek_id = ?1, wrapped = (SELECT s.wrapped FROM staged_keys s "
                "WHERE s.key_id = data_keys.key_id) WHERE kek_id != ?1",
                (kek_id,),
            ).rowcount
            database.execute("DELETE FROM staged_keys")
            database.execute("INSERT OR REPLACE INTO key_encryption VALUES (1, ?)", (kek_id,))
        return changed

    def scrub(self) -> None:
        """Rewrite the file without free pages and truncate the write-ahead log.

        Raises `StoreLockedError` if another process kept an old state open for ten seconds.
        """
        with self._lock:
            self._run("VACUUM")
            busy = self._run("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise StoreLockedError(
                f"key database '{self._path}': the change is made, but a reader kept the old "
                "write-ahead log open; run the command again"
            )

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        with self._lock:
            self._connection.close()

    def _query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return query(self._connection, sql, values)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._connection) as database:
            yield database

    def _run(self, sql: str) -> int:
        """Run a statement outside of a transaction; return the first number it gives, or 0."""
        try:
            row = self._connection.execute(sql).fetchone()
        except sqlite3.Error as error:
            raise as_store_error(error, self._path) from error
        return int(row[0]) if row else 0


def _require_kek(database: sqlite3.Connection, kek_id: str) -> None:
    """Take the key-encryption key as the file's if it has none yet; refuse another one."""
    database.execute("INSERT OR IGNORE INTO key_encryption VALUES (1, ?)", (kek_id,))
    known = database.execute("SELECT id FROM key_encryption").fetchone()[0]
    if known != kek_id:
        raise TenantKeyError(
            f"data key refused: the tenants' keys are wrapped under '{known}' and the configured "
            f"key is '{kek_id}'; configure the right one, or rewrap with both"
        )
