"""The tables of the quarantine, and how a document becomes a row and a row a record.

- INVARIANT: one row for one (tenant, collection, source, document, digest); the same bytes under
  the same name never make a second one, and keep the decision that a person took.
- INVARIANT: every decision is appended to ``decisions``; none is overwritten there.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time

from ...core.chunk import Digest, DocumentId, TenantId
from ...core.errors import UsageError
from .records import Held, QuarantineKey, QuarantineRecord, QuarantineState

QUARANTINE_SCHEMA = """
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

COLUMNS = (
    "id, tenant, collection, source, document, digest, media_type, length(raw) AS size, verdict, "
    "state, created_at, decided_at, decided_by, reason"
)

_ID_HEX = 12
"""48 bits: short enough to type; a collision makes the id longer, it never merges two rows."""


def added(connection: sqlite3.Connection, held: Held) -> str:
    """Hold a document, in the caller's transaction, and return its id."""
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


def note_decision(
    connection: sqlite3.Connection,
    identifier: str,
    wanted: QuarantineState,
    reviewer: str,
    reason: str,
) -> None:
    """Record a person's decision in the caller's transaction; the same one again changes nothing.

    Raises `UsageError` for an id that does not exist, and for a return to held.
    """
    row = connection.execute("SELECT state FROM quarantine WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise unknown(identifier)
    if wanted is QuarantineState.HELD:
        raise UsageError(f"decision on '{identifier}' refused: release it or reject it")
    if row["state"] == wanted.value:
        return
    now = time.time()
    connection.execute(
        "UPDATE quarantine SET state = ?, decided_at = ?, decided_by = ?, reason = ? WHERE id = ?",
        (wanted.value, now, reviewer, reason, identifier),
    )
    connection.execute(
        "INSERT INTO decisions VALUES (?, ?, ?, ?, ?)",
        (identifier, wanted.value, reviewer, reason, now),
    )


def unknown(identifier: str) -> UsageError:
    """Return the refusal of an id that does not exist."""
    return UsageError(f"quarantine holds no '{identifier}': list what it holds")


def record_of(row: sqlite3.Row) -> QuarantineRecord:
    """Return the record of a row of `COLUMNS`."""
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
