"""The quarantine of a state folder: documents are held in it, listed, looked at and decided on.

- INVARIANT: what is held together is kept whole or not at all; a document that the store served
  until now is in ``served`` until it is out.
- A decision is looked up by the whole key with the full SHA-256, never by the short id alone.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.chunk import TenantId
from ...core.errors import UsageError
from ...core.sqlite import open_database, query, transaction
from ...core.verdict import Verdict
from .records import Held, QuarantineKey, QuarantineRecord, QuarantineState
from .table import COLUMNS, QUARANTINE_SCHEMA, added, note_decision, record_of, unknown
from .watched import WATCHED_SCHEMA, Watched


class Quarantine:
    """Keeps quarantined documents in one SQLite file, owner-only; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, QUARANTINE_SCHEMA + WATCHED_SCHEMA)
        self._lock = threading.Lock()
        self.watched = Watched(self._connection, self._lock)

    def add(
        self,
        key: QuarantineKey,
        raw: bytes,
        media_type: str,
        verdict: Verdict,
        label: Mapping[str, Any] | None = None,
    ) -> str:
        """Hold a document and return its id; one that is known already keeps its row and state.

        ``label`` is the access label that it is to have when it is released.
        """
        held = Held(key=key, raw=raw, media_type=media_type, verdict=verdict, label=label)
        return self.add_all([held])[0]

    def add_all(self, documents: Sequence[Held]) -> Sequence[str]:
        """Hold documents, all or none, and return their ids in order; see `add`."""
        with self._lock, transaction(self._connection) as connection:
            return [added(connection, each) for each in documents]

    def served(self, tenant: TenantId, collection: str) -> Sequence[QuarantineRecord]:
        """Return what was served when it was held, and was not told of as `withdrawn` yet."""
        rows = self._query(
            f"SELECT {COLUMNS} FROM served JOIN quarantine USING (id) "  # noqa: S608
            "WHERE tenant = ? AND collection = ? ORDER BY created_at, id",
            tenant,
            collection,
        )
        return [record_of(row) for row in rows]

    def withdrawn(self, identifier: str) -> None:
        """Note that the store serves a held document no more, or again by a person's decision."""
        with self._lock, transaction(self._connection) as connection:
            connection.execute("DELETE FROM served WHERE id = ?", (identifier,))

    def label(self, identifier: str) -> dict[str, Any]:
        """Return the payload keys of the access label that a document came with, if it did."""
        rows = self._query("SELECT label FROM labels WHERE id = ?", identifier)
        return dict(json.loads(rows[0]["label"])) if rows else {}

    def find(self, key: QuarantineKey) -> QuarantineRecord | None:
        """Return the record of exactly these bytes under this name, or None."""
        rows = self._query(
            f"SELECT {COLUMNS} FROM quarantine WHERE tenant = ? AND collection = ? "  # noqa: S608
            "AND source = ? AND document = ? AND digest = ?",
            *key.as_tuple(),
        )
        return record_of(rows[0]) if rows else None

    def get(self, identifier: str) -> QuarantineRecord:
        """Return one record, or raise `UsageError` for an id that does not exist."""
        return record_of(self._row(identifier, COLUMNS))

    def original(self, identifier: str) -> bytes:
        """Return the original bytes (untrusted), or raise `UsageError` for an unknown id."""
        return bytes(self._row(identifier, "raw")["raw"])

    def list(
        self, tenant: TenantId | str | None = None, state: str | None = "held"
    ) -> list[QuarantineRecord]:
        """Return records, oldest first, of one tenant or of all, in one state or in any (None)."""
        wanted = None if state is None else _state(state).value
        rows = self._query(
            f"SELECT {COLUMNS} FROM quarantine WHERE (?1 IS NULL OR tenant = ?1) "  # noqa: S608
            "AND (?2 IS NULL OR state = ?2) ORDER BY created_at, id",
            tenant,
            wanted,
        )
        return [record_of(row) for row in rows]

    def decide(
        self, identifier: str, state: QuarantineState | str, *, reviewer: str, reason: str = ""
    ) -> QuarantineRecord:
        """Record a person's decision and return the record.

        A person may change their mind; `IngestPipeline.reject` withdraws what was released.
        """
        wanted = _state(state)
        if not reviewer.strip():
            raise UsageError(f"decision on '{identifier}' refused: name the reviewer")
        with self._lock, transaction(self._connection) as connection:
            note_decision(connection, identifier, wanted, reviewer, reason)
        return self.get(identifier)

    def history(self, identifier: str) -> Sequence[dict[str, Any]]:
        """Return every decision taken on a document, oldest first."""
        rows = self._query(
            "SELECT state, reviewer, reason, at FROM decisions WHERE id = ? ORDER BY rowid",
            identifier,
        )
        return [dict(row) for row in rows]

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        self._connection.close()

    def _row(self, identifier: str, columns: str) -> sqlite3.Row:
        rows = self._query(f"SELECT {columns} FROM quarantine WHERE id = ?", identifier)  # noqa: S608
        if not rows:
            raise unknown(identifier)
        return rows[0]

    def _query(self, sql: str, *values: object) -> Sequence[sqlite3.Row]:
        with self._lock:
            return query(self._connection, sql, values)


def _state(name: str) -> QuarantineState:
    try:
        return QuarantineState(name)
    except ValueError:
        names = ", ".join(QuarantineState)
        raise UsageError(f"quarantine state '{name}' is unknown: use one of {names}") from None
