"""The table of API keys: its columns, what older files lack, and rows read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..core.sqlite import open_database, query, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    tenant TEXT,
    principal TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;
"""

# Added after the first release, so that a new file and an old one become the same table.
_ADDED = {
    "group_names": "TEXT NOT NULL DEFAULT '[]'",
    "department": "TEXT NOT NULL DEFAULT ''",
    "clearance": "INTEGER NOT NULL DEFAULT 0",
    "expires_at": "REAL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A row of the list of keys; times are seconds since the epoch."""

    id: str
    tenant: str | None
    principal: str
    roles: frozenset[str]
    created_at: float
    revoked_at: float | None
    groups: frozenset[str] = frozenset()
    department: str = ""
    clearance: int = 0
    expires_at: float | None = None


def open_keys(path: Path) -> sqlite3.Connection:
    """Open or create the file; an older one gets the columns it lacks, and its keys stay valid."""
    database = open_database(path, _SCHEMA)
    if _missing(database):
        with transaction(database):
            # Read again inside the transaction: another process may have just added them.
            for column in _missing(database):
                # Names and types are the constants above, not data.
                database.execute(f"ALTER TABLE api_keys ADD COLUMN {column} {_ADDED[column]}")
    return database


def insert_key(database: sqlite3.Connection, key: ApiKey, digest: bytes) -> None:
    """Write a row in place of an earlier one of the same id; call it within a transaction."""
    database.execute(
        "INSERT OR REPLACE INTO api_keys (id, digest, tenant, principal, roles, created_at, "
        "revoked_at, group_names, department, clearance, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
        (
            key.id,
            digest,
            key.tenant,
            key.principal,
            _listed(key.roles),
            key.created_at,
            _listed(key.groups),
            key.department,
            key.clearance,
            key.expires_at,
        ),
    )


def key_of(row: sqlite3.Row) -> ApiKey:
    """Return a row as a record."""
    return ApiKey(
        id=row["id"],
        tenant=row["tenant"],
        principal=row["principal"],
        roles=frozenset(json.loads(row["roles"])),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        groups=frozenset(json.loads(row["group_names"])),
        department=row["department"],
        clearance=row["clearance"],
        expires_at=row["expires_at"],
    )


def _missing(database: sqlite3.Connection) -> list[str]:
    present = {row["name"] for row in query(database, "PRAGMA table_info(api_keys)")}
    return [column for column in _ADDED if column not in present]


def _listed(names: Collection[str]) -> str:
    return json.dumps(sorted(names))
