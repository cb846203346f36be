"""The registry's sources: who answers for them, how far they are trusted, what they may hold."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import replace

from ...core.errors import ProvenanceError
from .registry_table import RegistryTable
from .source_records import SourceRecord, TrustTier


class RegistrySources(RegistryTable):
    """Sources by tenant and name."""

    def register(self, tenant: str, source: str, *, trusted: bool = True) -> SourceRecord:
        """Return the source's record, made with ``trusted`` if it is new."""
        known = self.source(tenant, source)
        if known is not None:
            return known
        tier = TrustTier.INTERNAL if trusted else TrustTier.UNTRUSTED
        self.open_source(SourceRecord(tenant=tenant, source=source, tier=tier))
        record = self.source(tenant, source)
        assert record is not None  # noqa: S101 - written just above
        return record

    def open_source(self, record: SourceRecord) -> bool:
        """Keep a new source; return False, and change nothing, if it is known already."""
        with self._write() as database:
            done = database.execute(
                "INSERT OR IGNORE INTO sources "
                "(tenant, source, created_at, tier, owner, domains, paths, opened_by) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.tenant,
                    record.source,
                    record.opened_at or time.time(),
                    record.tier.value,
                    record.owner,
                    json.dumps(record.domains),
                    json.dumps(record.paths),
                    record.opened_by,
                ),
            )
        return bool(done.rowcount)

    def change_source(self, record: SourceRecord) -> None:
        """Replace tier, owner, domains, paths and who opened it, from the next query on everywhere.

        Raises `ProvenanceError` if the source was never opened.
        """
        with self._write() as database:
            done = database.execute(
                "UPDATE sources SET tier = ?, owner = ?, domains = ?, paths = ?, opened_by = ? "
                "WHERE tenant = ? AND source = ?",
                (
                    record.tier.value,
                    record.owner,
                    json.dumps(record.domains),
                    json.dumps(record.paths),
                    record.opened_by,
                    record.tenant,
                    record.source,
                ),
            )
        if not done.rowcount:
            raise ProvenanceError(
                "source refused: the tenant has none of that name; open it, or check the name"
            )

    def set_trust(self, tenant: str, source: str, *, trusted: bool) -> None:
        """Change whether a source is trusted; takes effect on the next query in every process."""
        known = self.register(tenant, source, trusted=trusted)
        if known.trusted != trusted:
            tier = TrustTier.INTERNAL if trusted else TrustTier.UNTRUSTED
            self.change_source(replace(known, tier=tier))

    def source(self, tenant: str, source: str) -> SourceRecord | None:
        """Return the source's record, or None if it was never registered."""
        row = self._one("SELECT * FROM sources WHERE tenant = ? AND source = ?", tenant, source)
        return None if row is None else _record(row)

    def sources(self, tenant: str | None = None) -> list[SourceRecord]:
        """Return the tenant's sources by name, or those of all tenants."""
        rows = self._all(
            "SELECT * FROM sources WHERE ?1 IS NULL OR tenant = ?1 ORDER BY tenant, source", tenant
        )
        return [_record(row) for row in rows]


def _record(row: sqlite3.Row) -> SourceRecord:
    return SourceRecord(
        tenant=row["tenant"],
        source=row["source"],
        tier=TrustTier(row["tier"]),
        owner=row["owner"],
        domains=tuple(json.loads(row["domains"])),
        paths=tuple(json.loads(row["paths"])),
        opened_at=row["created_at"],
        opened_by=row["opened_by"],
    )
