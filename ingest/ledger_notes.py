"""What the ledger has set out to do, and how often it changed: read beside the transparency log.

- ``noted`` holds the version of a document that is being written (`INTENDED`), or that was current
  when its chunks were taken out of the store (`RETIRED`); "" stands for a withdrawal.
- ``changes`` counts. The log keeps the number of each change that it was told of, so that a ledger
  which was put back has a smaller one.

INVARIANT: a version is noted before it is signed, and so before the log has it.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from ..core.chunk import Digest

NOTES_SCHEMA = """
CREATE TABLE IF NOT EXISTS noted (
    collection TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    digest TEXT NOT NULL, why TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (collection, tenant, source, document)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL);
INSERT OR IGNORE INTO changes VALUES (1, 0);
"""

INTENDED, RETIRED = "intended", "retired"

_Key = tuple[str, str, str, str]
_WHERE = "WHERE collection = ? AND tenant = ? AND source = ? AND document = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a ledger says of a document; ``digest`` is the current version's, "" if withdrawn.

    It is None where the ledger has neither. ``at`` is since when, in seconds since the epoch;
    ``noted`` is the version that was noted, with why and when.
    """

    digest: str | None = None
    pipeline: str = ""
    at: float = 0.0
    noted: str | None = None
    why: str = ""
    noted_at: float = 0.0


def count_change(connection: sqlite3.Connection) -> int:
    """Count a change in the transaction that makes it, and return its number."""
    connection.execute("UPDATE changes SET count = count + 1")
    [[count]] = connection.execute("SELECT count FROM changes").fetchall()
    return int(count)


def note(connection: sqlite3.Connection, key: _Key, digest: Digest | str, why: str) -> None:
    """Note a version of a document, in place of what was noted of it."""
    connection.execute(
        "INSERT OR REPLACE INTO noted VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, digest, why, time.time()),
    )


def settle(connection: sqlite3.Connection, key: _Key, digest: Digest | str) -> None:
    """Drop what was noted of a document, unless another writer intends another version."""
    connection.execute(
        f"DELETE FROM noted {_WHERE} AND (digest = ? OR why = ?)",  # noqa: S608
        (*key, digest, RETIRED),
    )


STANDING = """
SELECT d.digest, d.pipeline, d.at, w.at AS withdrawn, n.digest AS noted, n.why, n.at AS noted_at
FROM (SELECT ? AS collection, ? AS tenant, ? AS source, ? AS document)
LEFT JOIN documents AS d USING (collection, tenant, source, document)
LEFT JOIN withdrawn AS w USING (collection, tenant, source, document)
LEFT JOIN noted AS n USING (collection, tenant, source, document)
"""


def standing_of(row: sqlite3.Row) -> Standing:
    """Return what a row of `STANDING` says."""
    withdrawn = row["digest"] is None and row["withdrawn"] is not None
    return Standing(
        digest="" if withdrawn else row["digest"],
        pipeline=row["pipeline"] or "",
        at=row["withdrawn"] if withdrawn else row["at"] or 0.0,
        noted=row["noted"],
        why=row["why"] or "",
        noted_at=row["noted_at"] or 0.0,
    )
