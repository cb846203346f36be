"""The registry's keys: each speaks for one name of one tenant, in its time."""

from __future__ import annotations

import sqlite3
import time

from ...core.errors import ProvenanceError
from .registry_table import RegistryTable
from .source_records import KeyRecord

_SELECT = """SELECT keys.*, EXISTS (
    SELECT 1 FROM revocations WHERE kind = 'key' AND revocations.tenant = keys.tenant
    AND subject = key_id AND until IS NULL AND withdrawn_at IS NULL) AS revoked FROM keys """


class RegistryKeys(RegistryTable):
    """Keys by id and by the name that they speak for.

    INVARIANT: a key is registered once, for one tenant and one name.
    """

    def add_key(
        self,
        key_id: str,
        tenant: str,
        name: str,
        public_pem: str,
        *,
        uri: str = "state:0",
        valid_from: float = 0.0,
    ) -> None:
        """Register a public key for a tenant's source or reviewer; a known one stays as it is.

        Raises `ProvenanceError` for a key that speaks for another tenant or name already: whoever
        holds it could then speak for both.
        """
        row = (key_id, tenant, name, public_pem, time.time(), valid_from, uri)
        known = self.key(key_id)
        if known is None:
            with self._write() as database:
                database.execute(
                    "INSERT OR IGNORE INTO keys "
                    "(key_id, tenant, name, public_pem, created_at, valid_from, uri) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            known = self.key(key_id)
        if known is None or (known.tenant, known.name) != (tenant, name):
            raise ProvenanceError(
                f"key {key_id[:16]} refused: it is registered for something else; "
                "give each source of each tenant a key of its own"
            )

    def key(self, key_id: str) -> KeyRecord | None:
        """Return a key's record, or None if it is not registered."""
        row = self._one(_SELECT + "WHERE key_id = ?", key_id)
        return None if row is None else _record(row)

    def keys(self, tenant: str, name: str) -> list[KeyRecord]:
        """Return the keys that were registered for a name, newest first."""
        rows = self._all(
            _SELECT + "WHERE tenant = ? AND name = ? ORDER BY created_at DESC, rowid DESC",
            tenant,
            name,
        )
        return [_record(row) for row in rows]

    def retire_keys(self, tenant: str, name: str, but: str, until: float) -> list[str]:
        """Let a name's other keys end at a time, unless they end earlier; return their ids."""
        with self._write() as database:
            rows = database.execute(
                "UPDATE keys SET valid_until = ? WHERE tenant = ? AND name = ? AND key_id <> ? "
                "AND (valid_until IS NULL OR valid_until > ?) RETURNING key_id",
                (until, tenant, name, but, until),
            ).fetchall()
        return [row["key_id"] for row in rows]


def _record(row: sqlite3.Row) -> KeyRecord:
    return KeyRecord(
        key_id=row["key_id"],
        tenant=row["tenant"],
        name=row["name"],
        public_pem=row["public_pem"],
        revoked=bool(row["revoked"]),
        created_at=row["created_at"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        uri=row["uri"],
    )
