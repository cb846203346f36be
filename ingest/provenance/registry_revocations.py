"""The registry's revocations: of keys and of sources, from a time on, never deleted."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from ...core.errors import ProvenanceError
from .registry_table import RegistryTable
from .source_records import Revocation, Revoked

_END = """UPDATE revocations SET until = ?1 WHERE tenant = ?2 AND kind = 'source' AND subject = ?3
    AND until IS NULL AND withdrawn_at IS NULL"""

_WITHDRAW = """UPDATE revocations SET withdrawn_at = ?1
    WHERE tenant = ?2 AND until IS NULL AND withdrawn_at IS NULL AND (
        kind = 'source' AND subject = ?3
        OR kind = 'key'
        AND subject IN (SELECT key_id FROM keys WHERE tenant = ?2 AND name = 'source/' || ?3)
        AND at IN (SELECT at FROM revocations WHERE tenant = ?2 AND kind = 'source'
            AND subject = ?3 AND until IS NULL AND withdrawn_at IS NULL))"""


class RegistryRevocations(RegistryTable):
    """Revocations by key and by source; each takes effect at the next query in every process."""

    def revoke_key(self, key_id: str, why: str, *, since: float = 0.0, by: str = "") -> None:
        """Distrust what a key signed at or after ``since``; all that it ever signed by default."""
        row = self._one("SELECT tenant FROM keys WHERE key_id = ?", key_id)
        if row is None:
            raise ProvenanceError(f"key {key_id[:16]} refused: it is not registered")
        self.revoke([(Revoked.KEY, row["tenant"], key_id)], why, since=since, by=by)

    def revoke(
        self, subjects: Sequence[tuple[Revoked, str, str]], why: str, *, since: float, by: str
    ) -> None:
        """Revoke several (kind, tenant, subject) at once: all of them, or none."""
        now = time.time()
        with self._write() as database:
            database.executemany(
                "INSERT INTO revocations (kind, tenant, subject, since, at, by, why) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*subject, since, now, by, why) for subject in subjects],
            )

    def end_revocations(self, tenant: str, source: str, until: float) -> int:
        """Let a source speak again from a time on; what was revoked stays so. Return how many."""
        return self._change(_END, until, tenant, source)

    def withdraw_revocations(self, tenant: str, source: str) -> int:
        """Take back a source's revocations, with those of keys made in the same act.

        Return how many. A key that was revoked by itself stays revoked.
        """
        return self._change(_WITHDRAW, time.time(), tenant, source)

    def revocations(self, kind: Revoked, tenant: str, subject: str) -> list[Revocation]:
        """Return what counts against a key or a source, oldest first."""
        rows = self._all(
            "SELECT * FROM revocations WHERE kind = ? AND tenant = ? AND subject = ? "
            "AND withdrawn_at IS NULL ORDER BY id",
            kind,
            tenant,
            subject,
        )
        return [_revocation(row) for row in rows]

    def _change(self, sql: str, at: float, tenant: str, source: str) -> int:
        with self._write() as database:
            return database.execute(sql, (at, tenant, source)).rowcount


def _revocation(row: sqlite3.Row) -> Revocation:
    return Revocation(
        kind=Revoked(row["kind"]),
        tenant=row["tenant"],
        subject=row["subject"],
        since=row["since"],
        until=row["until"],
        at=row["at"],
        by=row["by"],
        why=row["why"],
    )
