"""The tables of ``provenance.db``, and how a file made by an earlier version becomes this one.

- INVARIANT: ``trust_version`` grows with every change of keys, sources, revocations and roots,
  whoever makes it: triggers count, not the callers.
"""

from __future__ import annotations

import sqlite3

from ...core.errors import StoreError
from ...core.sqlite import transaction

VERSION = 2
"""``PRAGMA user_version``, which version 1 did not set."""

BASE = """
CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, public_pem TEXT NOT NULL,
    created_at REAL NOT NULL, revoked_at REAL, revoked_why TEXT);
CREATE TABLE IF NOT EXISTS sources (
    tenant TEXT NOT NULL, source TEXT NOT NULL, trusted INTEGER NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (tenant, source));
CREATE TABLE IF NOT EXISTS envelopes (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, collection_uid TEXT NOT NULL, source TEXT NOT NULL,
    key_id TEXT NOT NULL REFERENCES keys(key_id), envelope TEXT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS envelopes_by_collection
    ON envelopes (collection_uid, tenant, source);
"""
"""Version 1; every file starts as it, so that there is one way to version 2."""

_TO_2 = (
    "ALTER TABLE keys ADD COLUMN valid_from REAL NOT NULL DEFAULT 0",
    "ALTER TABLE keys ADD COLUMN valid_until REAL",
    "ALTER TABLE keys ADD COLUMN uri TEXT NOT NULL DEFAULT 'state:0'",
    "ALTER TABLE sources ADD COLUMN tier TEXT NOT NULL DEFAULT 'internal'",
    "ALTER TABLE sources ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sources ADD COLUMN domains TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE sources ADD COLUMN paths TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE sources ADD COLUMN opened_by TEXT NOT NULL DEFAULT ''",
    "UPDATE sources SET tier = 'untrusted' WHERE NOT trusted",
    "CREATE INDEX keys_by_name ON keys (tenant, name, created_at)",
    "CREATE INDEX envelopes_by_key ON envelopes (key_id, created_at)",
    """CREATE TABLE revocations (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, tenant TEXT NOT NULL, subject TEXT NOT NULL,
        since REAL NOT NULL, until REAL, at REAL NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL,
        withdrawn_at REAL)""",
    "CREATE INDEX revocations_by_subject ON revocations (kind, tenant, subject)",
    """INSERT INTO revocations (kind, tenant, subject, since, at, by, why)
        SELECT 'key', tenant, key_id, 0, revoked_at, '', coalesce(revoked_why, '')
        FROM keys WHERE revoked_at IS NOT NULL""",
    """CREATE TABLE roots (
        version INTEGER PRIMARY KEY, envelope TEXT NOT NULL, accepted_at REAL NOT NULL)""",
    "CREATE TABLE trust_version (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)",
    "INSERT INTO trust_version VALUES (1, 1)",
    # A process of version 1 that still runs would not see what is revoked now: without the columns
    # that it reads it fails instead.
    "ALTER TABLE keys DROP COLUMN revoked_at",
    "ALTER TABLE keys DROP COLUMN revoked_why",
    "ALTER TABLE sources DROP COLUMN trusted",
    *(
        f"CREATE TRIGGER {table}_{act.lower()}_counts AFTER {act} ON {table} BEGIN "  # noqa: S608
        "UPDATE trust_version SET value = value + 1; END"
        for table in ("keys", "sources", "revocations", "roots")
        for act in ("INSERT", "UPDATE", "DELETE")
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a registry up to this version, all or nothing; raise `StoreError` for a newer one."""
    if _version(connection) == VERSION:
        return
    with transaction(connection) as database:
        # Read again inside the transaction: another process may have been first.
        found = _version(database)
        if found > VERSION:
            raise StoreError(
                f"provenance.db is of version {found}, and this program reads up to {VERSION}: "
                "update ragbastion"
            )
        if found < VERSION:
            for statement in _TO_2:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    [[version]] = connection.execute("PRAGMA user_version").fetchall()
    if version:
        return int(version)
    # A dump in SQL keeps the tables and not the pragma.
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'trust_version'")
    return 2 if found.fetchall() else 1
