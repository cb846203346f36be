"""Quarantine: what was held back, its original bytes, and who decided what about it.

- INVARIANT: one row for one (tenant, collection, source, document, digest); the same bytes under
  the same name never make a second one, and keep the decision that a person took.
- INVARIANT: every decision is appended to ``decisions``; none is overwritten there.
- INVARIANT: what is held together is kept whole or not at all; a document that the store served
  until now is in ``served`` until it is out.
- A decision is looked up by the whole key with the full SHA-256, never by the short id alone.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..core.chunk import Digest, DocumentId, TenantId
from ..core.errors import UsageError
from ..core.sqlite import open_database, query, transaction
from ..core.verdict import Verdict
from .watched import WATCHED_SCHEMA, Watched

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quarantine (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, collection TEXT NOT NULL, source TEXT NOT NULL,
    document TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, raw BLOB NOT NULL,
    verdict TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('held', 'released', 'rejected')),
    created_at REAL NOT NULL, decided_at REAL, decided_by TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (tenant, collection, source, document, digest)
);
CREATE INDEX IF NOT EXISTS quarantine_by_state ON quarantine (state, tenant, created_at);
CREATE TABLE IF NOT EXISTS decisions (
    id TEXT NOT NULL REFERENCES quarantine (id), state TEXT NOT NULL, reviewer TEXT NOT NULL,
    reason TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT PRIMARY KEY REFERENCES quarantine (id), label TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS served (id TEXT PRIMARY KEY REFERENCES quarantine (id));
"""

_COLUMNS = (
    "id, tenant, collection, source, document, digest, media_type, length(raw) AS size, verdict, "
    "state, created_at, decided_at, decided_by, reason"
)

_ID_HEX = 12
"""48 bits: short enough to type; a collision makes the id longer, it never merges two rows."""


class QuarantineState(StrEnum):
    """What a person has decided about a quarantined document."""

    HELD = "held"
    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineKey:
    """One document: whose it is, where it was going, its name and the digest of its bytes."""

    tenant: TenantId
    collection: str
    source: str
    document: DocumentId
    digest: Digest

    def as_tuple(self) -> tuple[str, str, str, str, str]:
        """Return the fields in the order of the table's unique key."""
        return (self.tenant, self.collection, self.source, self.document, self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A document to hold: its bytes, why, and the access label that a release gives it.

    ``served`` tells that the store serves it until now.
    """

    key: QuarantineKey
    raw: bytes
    media_type: str
    verdict: Verdict
    label: Mapping[str, Any] | None = None
    served: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRecord:
    """A quarantined document without its bytes; `Quarantine.original` gives those.

    ``verdict`` is the JSON form of the verdict and may quote untrusted text as evidence. Times are
    seconds since the epoch.
    """

    id: str
    key: QuarantineKey
    media_type: str
    size_bytes: int
    verdict: Mapping[str, Any]
    state: QuarantineState
    created_at: float
    decided_at: float | None
    decided_by: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, flat."""
        return {
            "id": self.id,
            "tenant": self.key.tenant,
            "collection": self.key.collection,
            "source": self.key.source,
            "document": self.key.document,
            "digest": self.key.digest,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "verdict": dict(self.verdict),
            "state": self.state.value,
            "created_at": self.created_at,
            "decided_at": self.decided_at,
            "decided_by": self.decided_by,
            "reason": self.reason,
        }


class Quarantine:
    """Keeps quarantined documents in one SQLite file, owner-only; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA + WATCHED_SCHEMA)
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
            return [_added(connection, each) for each in documents]

    def served(self, tenant: TenantId, collection: str) -> Sequence[QuarantineRecord]:
        """Return what was served when it was held, and was not told of as `withdrawn` yet."""
        rows = self._query(
            f"SELECT {_COLUMNS} FROM served JOIN quarantine USING (id) "  # noqa: S608
            "WHERE tenant = ? AND collection = ? ORDER BY created_at, id",
            tenant,
            collection,
        )
        return [_record(row) for row in rows]

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
            f"SELECT {_COLUMNS} FROM quarantine WHERE tenant = ? AND collection = ? "  # noqa: S608
            "AND source = ? AND document = ? AND digest = ?",
            *key.as_tuple(),
        )
        return _record(rows[0]) if rows else None

    def get(self, identifier: str) -> QuarantineRecord:
        """Return one record, or raise `UsageError` for an id that does not exist."""
        rows = self._query(f"SELECT {_COLUMNS} FROM quarantine WHERE id = ?", identifier)  # noqa: S608
        if not rows:
            raise UsageError(f"quarantine holds no '{identifier}': list what it holds")
        return _record(rows[0])

    def original(self, identifier: str) -> bytes:
        """Return the original bytes (untrusted), or raise `UsageError` for an unknown id."""
        rows = self._query("SELECT raw FROM quarantine WHERE id = ?", identifier)
        if not rows:
            raise UsageError(f"quarantine holds no '{identifier}': list what it holds")
        return bytes(rows[0]["raw"])

    def list(
        self, tenant: TenantId | str | None = None, state: str | None = "held"
    ) -> list[QuarantineRecord]:
        """Return records, oldest first, of one tenant or of all, in one state or in any (None)."""
        wanted = None if state is None else _state(state).value
        rows = self._query(
            f"SELECT {_COLUMNS} FROM quarantine WHERE (?1 IS NULL OR tenant = ?1) "  # noqa: S608
            "AND (?2 IS NULL OR state = ?2) ORDER BY created_at, id",
            tenant,
            wanted,
        )
        return [_record(row) for row in rows]

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
            row = connection.execute(
                "SELECT state FROM quarantine WHERE id = ?", (identifier,)
            ).fetchone()
            _require_allowed(identifier, row, wanted)
            if row["state"] != wanted.value:
                now = time.time()
                connection.execute(
                    "UPDATE quarantine SET state = ?, decided_at = ?, decided_by = ?, reason = ? "
                    "WHERE id = ?",
                    (wanted.value, now, reviewer, reason, identifier),
                )
                connection.execute(
                    "INSERT INTO decisions VALUES (?, ?, ?, ?, ?)",
                    (identifier, wanted.value, reviewer, reason, now),
                )
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

    def _query(self, sql: str, *values: object) -> Sequence[sqlite3.Row]:
        with self._lock:
            return query(self._connection, sql, values)


def _added(connection: sqlite3.Connection, held: Held) -> str:
    known = connection.execute(
        "SELECT id, state FROM quarantine WHERE tenant = ? AND collection = ? AND source = ? "
        "AND document = ? AND digest = ?",
        held.key.as_tuple(),
    ).fetchone()
    identifier = _inserted(connection, held) if known is None else str(known["id"])
    if held.served and (known is None or known["state"] != QuarantineState.RELEASED):
        connection.execute("INSERT OR IGNORE INTO served VALUES (?)", (identifier,))
    return identifier


def _inserted(connection: sqlite3.Connection, held: Held) -> str:
    identifier = _free_id(connection, held.key)
    connection.execute(
        "INSERT INTO quarantine (id, tenant, collection, source, document, digest, "
        "media_type, raw, verdict, state, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'held', ?)",
        (
            identifier,
            *held.key.as_tuple(),
            held.media_type,
            held.raw,
            json.dumps(held.verdict.as_dict()),
            time.time(),
        ),
    )
    if held.label:
        label = json.dumps(dict(held.label))
        connection.execute("INSERT INTO labels VALUES (?, ?)", (identifier, label))
    return identifier


def _free_id(connection: sqlite3.Connection, key: QuarantineKey) -> str:
    digest = hashlib.sha256(json.dumps(key.as_tuple()).encode("utf-8", "surrogatepass")).hexdigest()
    for length in range(_ID_HEX, len(digest) + 1):
        identifier = f"q-{digest[:length]}"
        taken = connection.execute(
            "SELECT 1 FROM quarantine WHERE id = ?", (identifier,)
        ).fetchone()
        if taken is None:
            return identifier
    raise UsageError(f"document '{key.document}' cannot be quarantined: no id is free")


def _require_allowed(identifier: str, row: sqlite3.Row | None, wanted: QuarantineState) -> None:
    if row is None:
        raise UsageError(f"quarantine holds no '{identifier}': list what it holds")
    if wanted is QuarantineState.HELD:
        raise UsageError(f"decision on '{identifier}' refused: release it or reject it")


def _state(name: str) -> QuarantineState:
    try:
        return QuarantineState(name)
    except ValueError:
        names = ", ".join(QuarantineState)
        raise UsageError(f"quarantine state '{name}' is unknown: use one of {names}") from None


def _record(row: sqlite3.Row) -> QuarantineRecord:
    return QuarantineRecord(
        id=row["id"],
        key=QuarantineKey(
            tenant=TenantId(row["tenant"]),
            collection=row["collection"],
            source=row["source"],
            document=DocumentId(row["document"]),
            digest=Digest(row["digest"]),
        ),
        media_type=row["media_type"],
        size_bytes=row["size"],
        verdict=json.loads(row["verdict"]),
        state=QuarantineState(row["state"]),
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
    )
