"""The registry: keys and what they may sign for, sources and their trust, signed envelopes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from ...core.sqlite import open_database, query
from .registry_keys import RegistryKeys
from .registry_revocations import RegistryRevocations
from .registry_roots import RegistryRoots
from .registry_schema import BASE, migrate
from .registry_sources import RegistrySources
from .source_records import KeyRecord, SourceRecord

__all__ = ["KeyRecord", "SourceRecord", "SourceRegistry"]


class SourceRegistry(RegistryKeys, RegistrySources, RegistryRevocations, RegistryRoots):
    """Keys, sources, revocations, envelopes and trust roots of a state folder.

    Shared by all its processes and threads.
    """

    def __init__(self, state_dir: Path) -> None:
        super().__init__(open_database(state_dir / "provenance.db", BASE))
        migrate(self._database)
        self._seen: tuple[int, int, int] | None = None

    def trust_version(self) -> int:
        """Return a number that is another one once a key, source or revocation has changed.

        Cheap while no process writes: SQLite says by ``PRAGMA data_version`` whether another
        connection has, ``total_changes`` whether this one has.
        """
        with self._lock:
            others, own = self.change_mark()
            if self._seen is None or self._seen[:2] != (others, own):
                [row] = query(self._database, "SELECT value FROM trust_version")
                self._seen = (others, own, row["value"])
            return self._seen[2]

    def add_envelope(
        self, envelope_id: str, scope: tuple[str, str, str], key_id: str, envelope: str
    ) -> None:
        """Keep an envelope and when it arrived; ``scope`` is (tenant, collection uid, source)."""
        self.add_envelopes([(envelope_id, scope, key_id, envelope)])

    def add_envelopes(self, rows: Iterable[tuple[str, tuple[str, str, str], str, str]]) -> None:
        """Keep several envelopes (id, scope, key id, JSON) at once: all of them, or none."""
        now = time.time()
        with self._write() as database:
            database.executemany(
                "INSERT OR IGNORE INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(id_, *scope, key, text, now) for id_, scope, key, text in rows],
            )

    def envelope(self, envelope_id: str) -> tuple[str, str] | None:
        """Return (envelope JSON, key id), or None if it is unknown."""
        row = self._one("SELECT envelope, key_id FROM envelopes WHERE id = ?", envelope_id)
        return None if row is None else (row["envelope"], row["key_id"])

    def arrived_at(self, envelope_id: str) -> float | None:
        """Return when an envelope arrived, by the clock of this state folder; None if unknown."""
        row = self._one("SELECT created_at FROM envelopes WHERE id = ?", envelope_id)
        return None if row is None else float(row["created_at"])

    def last_arrival(self, key_id: str) -> float | None:
        """Return when the last envelope of a key arrived, or None if it has signed nothing."""
        row = self._one("SELECT max(created_at) AS at FROM envelopes WHERE key_id = ?", key_id)
        return None if row is None or row["at"] is None else float(row["at"])

    def envelopes_of(self, tenant: str, collection_uid: str, source: str) -> list[str]:
        """Return the ids of the envelopes that a source signed for a collection."""
        rows = self._all(
            "SELECT id FROM envelopes WHERE collection_uid = ? AND tenant = ? AND source = ?",
            collection_uid,
            tenant,
            source,
        )
        return [row["id"] for row in rows]

    def source_count(self, tenant: str, collection_uid: str) -> int:
        """Return how many sources of the tenant have signed for the collection."""
        return len(self.first_arrivals(tenant, collection_uid))

    def first_arrivals(self, tenant: str, collection_uid: str) -> dict[str, float]:
        """Return the tenant's sources that have signed for a collection, each with when it began.

        Times are by the clock of this state folder. Grows with the collection's envelopes; ask
        again only when `change_mark` is another one.
        """
        rows = self._all(
            "SELECT source, min(created_at) AS began FROM envelopes "
            "WHERE collection_uid = ? AND tenant = ? GROUP BY source",
            collection_uid,
            tenant,
        )
        return {row["source"]: float(row["began"]) for row in rows}

    def change_mark(self) -> tuple[int, int]:
        """Return what is another one once anything in the file has changed; costs no reading."""
        with self._lock:
            others = query(self._database, "PRAGMA data_version")[0][0]
            return others, self._database.total_changes

    def close(self) -> None:
        """Close the file."""
        self._database.close()
