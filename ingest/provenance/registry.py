"""The registry: keys and what they may sign for, sources and their trust, signed envelopes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.sqlite import open_database, transaction

_SCHEMA = """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A public key, what it was registered for, and whether it was revoked."""

    key_id: str
    tenant: str
    name: str
    public_pem: str
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A source of a tenant and whether what it says is trusted."""

    tenant: str
    source: str
    trusted: bool


class SourceRegistry:
    """Keys, sources and envelopes of a state folder, shared by every process that uses it."""

    def __init__(self, state_dir: Path) -> None:
        self._database = open_database(state_dir / "provenance.db", _SCHEMA)

    def register(self, tenant: str, source: str, *, trusted: bool = True) -> SourceRecord:
        """Return the source's record, made with ``trusted`` if it is new."""
        known = self.source(tenant, source)
        if known is not None:
            return known
        with transaction(self._database) as database:
            database.execute(
                "INSERT OR IGNORE INTO sources VALUES (?, ?, ?, ?)",
                (tenant, source, trusted, time.time()),
            )
        record = self.source(tenant, source)
        assert record is not None  # noqa: S101 - written just above
        return record

    def set_trust(self, tenant: str, source: str, *, trusted: bool) -> None:
        """Change whether a source is trusted; takes effect on the next query in every process."""
        self.register(tenant, source, trusted=trusted)
        with transaction(self._database) as database:
            database.execute(
                "UPDATE sources SET trusted = ? WHERE tenant = ? AND source = ?",
                (trusted, tenant, source),
            )

    def source(self, tenant: str, source: str) -> SourceRecord | None:
        """Return the source's record, or None if it was never registered."""
        row = self._one(
            "SELECT trusted FROM sources WHERE tenant = ? AND source = ?", (tenant, source)
        )
        if row is None:
            return None
        return SourceRecord(tenant=tenant, source=source, trusted=bool(row["trusted"]))

    def sources(self, tenant: str) -> list[SourceRecord]:
        """Return the tenant's sources by name."""
        rows = self._database.execute(
            "SELECT source, trusted FROM sources WHERE tenant = ? ORDER BY source", (tenant,)
        )
        return [
            SourceRecord(tenant=tenant, source=row["source"], trusted=bool(row["trusted"]))
            for row in rows
        ]

    def add_key(self, key_id: str, tenant: str, name: str, public_pem: str) -> None:
        """Register a public key for a tenant's source or reviewer; known keys stay as they are."""
        if self.key(key_id) is not None:
            return
        with transaction(self._database) as database:
            database.execute(
                "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, NULL, NULL)",
                (key_id, tenant, name, public_pem, time.time()),
            )

    def key(self, key_id: str) -> KeyRecord | None:
        """Return a key's record, or None if it is not registered."""
        row = self._one("SELECT * FROM keys WHERE key_id = ?", (key_id,))
        if row is None:
            return None
        return KeyRecord(
            key_id=key_id,
            tenant=row["tenant"],
            name=row["name"],
            public_pem=row["public_pem"],
            revoked=row["revoked_at"] is not None,
        )

    def revoke_key(self, key_id: str, why: str) -> None:
        """Distrust all that a key has signed, from the next query on."""
        with transaction(self._database) as database:
            database.execute(
                "UPDATE keys SET revoked_at = ?, revoked_why = ? WHERE key_id = ?",
                (time.time(), why, key_id),
            )

    def add_envelope(
        self, envelope_id: str, scope: tuple[str, str, str], key_id: str, envelope: str
    ) -> None:
        """Keep an envelope; ``scope`` is (tenant, collection uid, source)."""
        tenant, collection_uid, source = scope
        with transaction(self._database) as database:
            database.execute(
                "INSERT OR IGNORE INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?)",
                (envelope_id, tenant, collection_uid, source, key_id, envelope, time.time()),
            )

    def envelope(self, envelope_id: str) -> tuple[str, str] | None:
        """Return (envelope JSON, key id), or None if it is unknown."""
        row = self._one("SELECT envelope, key_id FROM envelopes WHERE id = ?", (envelope_id,))
        return None if row is None else (row["envelope"], row["key_id"])

    def source_count(self, tenant: str, collection_uid: str) -> int:
        """Return how many sources of the tenant have signed for the collection."""
        row = self._one(
            "SELECT COUNT(DISTINCT source) AS n FROM envelopes "
            "WHERE collection_uid = ? AND tenant = ?",
            (collection_uid, tenant),
        )
        return int(row["n"]) if row else 0

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, query: str, values: Sequence[object]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute(query, values).fetchone()
        return row
