"""What tenants have used of their quotas, in SQLite: calls, points held, points being written.

- INVARIANT: `used` of a collection is never less than the points that the tenant holds there, as
  long as each write is reserved before and released after the store has answered. A count of held
  points is paired with a mark taken before it: what was released before the mark is in the count,
  everything else is added to it.
- INVARIANT: each method is one transaction, so threads and processes see one order.

A reservation whose process died is released when it expires.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UsageError
from ..core.sqlite import as_store_error, open_database, open_memory_database, query, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    tenant TEXT PRIMARY KEY,
    arrival INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS releases (
    tenant TEXT PRIMARY KEY,
    latest INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS holdings (
    tenant TEXT NOT NULL,
    collection TEXT NOT NULL,
    points INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    PRIMARY KEY (tenant, collection)
) STRICT;
CREATE TABLE IF NOT EXISTS reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    collection TEXT NOT NULL,
    points INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    released INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS reservations_of ON reservations (tenant, collection);
"""

# The generic cell rate algorithm (ITU-T I.371), a token bucket whose whole state is one time: when
# the bucket would be full again. The inner min heals a clock that was set back.
_SPEND = """
INSERT INTO calls VALUES (:tenant, :now + :interval)
ON CONFLICT (tenant) DO UPDATE
SET arrival = max(min(arrival, :now + :burst * :interval), :now) + :interval
WHERE max(min(arrival, :now + :burst * :interval), :now) - :now <= (:burst - 1) * :interval
RETURNING arrival
"""

_USED = """
SELECT
    coalesce((SELECT sum(points) FROM holdings WHERE tenant = :tenant
              AND (:collection IS NULL OR collection = :collection)), 0) AS held,
    coalesce((SELECT sum(r.points) FROM reservations r
              LEFT JOIN holdings h USING (tenant, collection)
              WHERE tenant = :tenant AND (:collection IS NULL OR collection = :collection)
              AND (r.released IS NULL OR r.released > coalesce(h.mark, -1))), 0) AS in_flight
"""
_FORGET_HOLDINGS = """
DELETE FROM holdings WHERE tenant = :tenant AND (:collection IS NULL OR collection = :collection)
"""
_FORGET_RESERVATIONS = _FORGET_HOLDINGS.replace("holdings", "reservations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Points that a tenant is about to write, beside ``held`` ones as counted after ``mark``."""

    tenant: str
    collection: str
    points: int
    held: int
    mark: int | None
    per_collection: int
    in_total: int
    now_ns: int
    expires_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Points of a tenant: ``held`` as last counted, ``in_flight`` not in that count for certain."""

    held: int
    in_flight: int

    @property
    def points(self) -> int:
        """The most that the tenant can hold now."""
        return self.held + self.in_flight


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """Which limit a claim would exceed, and what was used before it."""

    name: str
    limit: int
    used: Used


class QuotaLedger:
    """The state of all tenants' quotas; ``path`` None keeps it in this process alone.

    Times are nanoseconds of a clock that all processes share, such as `time.time_ns`.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._database = open_memory_database(_SCHEMA)
        else:
            self._database = open_database(path, _SCHEMA)
            # A power loss may forget the last calls and reservations; counts are taken anew.
            self._database.execute("PRAGMA synchronous=NORMAL")
        self._lock = threading.Lock()

    def spend(self, tenant: str, *, interval_ns: int, burst: int, now_ns: int) -> int:
        """Take one call from the tenant's bucket; return 0, or how long to wait in nanoseconds."""
        values = {"tenant": tenant, "now": now_ns, "interval": interval_ns, "burst": burst}
        with self._lock:
            try:
                spent = self._database.execute(_SPEND, values).fetchall()
            except sqlite3.Error as error:
                raise as_store_error(error, None) from error
            if spent:
                return 0
            (row,) = query(self._database, "SELECT arrival FROM calls WHERE tenant = ?", [tenant])
        full_at = min(int(row["arrival"]), now_ns + burst * interval_ns)
        return max(1, full_at - now_ns - (burst - 1) * interval_ns)

    def mark(self, tenant: str, now_ns: int) -> int:
        """Return a mark: every write that was released before it is in a count taken after it."""
        with self._writing() as database:
            _expire(database, tenant, now_ns)
            return _latest(database, tenant)

    def note(self, tenant: str, collection: str, held: int, mark: int | None) -> None:
        """Keep a count of held points, unless one with a later mark is known."""
        with self._writing() as database:
            _note(database, tenant, collection, held, mark)

    def reserve(self, claim: Claim) -> int | Exceeded:
        """Reserve the points of a claim and return its id, or say which limit it would exceed."""
        with self._writing() as database:
            _expire(database, claim.tenant, claim.now_ns)
            _note(database, claim.tenant, claim.collection, claim.held, claim.mark)
            exceeded = _exceeded(database, claim)
            if exceeded is not None:
                return exceeded
            cursor = database.execute(
                "INSERT INTO reservations (tenant, collection, points, expires_at) "
                "VALUES (?, ?, ?, ?)",
                (claim.tenant, claim.collection, claim.points, claim.expires_ns),
            )
            return int(cursor.lastrowid or 0)

    def release(self, tenant: str, id_: int) -> None:
        """End a reservation, now that a count would see what was written; twice is allowed."""
        with self._writing() as database:
            _release(database, tenant, [id_])

    def used(self, tenant: str, collection: str | None = None) -> Used:
        """Return what the tenant can hold at most, in a collection or in all."""
        with self._lock:
            return _used(self._database, tenant, collection)

    def forget(self, tenant: str, collection: str | None = None) -> None:
        """Drop what is known of a collection that was deleted, or of an erased tenant."""
        values = {"tenant": tenant, "collection": collection}
        with self._writing() as database:
            database.execute(_FORGET_HOLDINGS, values)
            database.execute(_FORGET_RESERVATIONS, values)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as database:
            yield database


def _latest(database: sqlite3.Connection, tenant: str) -> int:
    row = database.execute("SELECT latest FROM releases WHERE tenant = ?", (tenant,)).fetchone()
    return 0 if row is None else int(row["latest"])


def _release(database: sqlite3.Connection, tenant: str, ids: list[int]) -> None:
    following = _latest(database, tenant) + 1
    database.execute("INSERT OR REPLACE INTO releases VALUES (?, ?)", (tenant, following))
    database.executemany(
        "UPDATE reservations SET released = ? WHERE id = ? AND released IS NULL",
        [(following, id_) for id_ in ids],
    )


def _expire(database: sqlite3.Connection, tenant: str, now_ns: int) -> None:
    rows = database.execute(
        "SELECT id FROM reservations WHERE tenant = ? AND released IS NULL AND expires_at <= ?",
        (tenant, now_ns),
    ).fetchall()
    if rows:
        _release(database, tenant, [row["id"] for row in rows])


def _note(
    database: sqlite3.Connection, tenant: str, collection: str, held: int, mark: int | None
) -> None:
    latest = _latest(database, tenant)
    known = latest if mark is None else mark
    if not 0 <= known <= latest:
        raise UsageError("count of points refused: its mark was not given by this ledger")
    database.execute(
        "INSERT INTO holdings VALUES (?, ?, ?, ?) ON CONFLICT (tenant, collection) DO UPDATE "
        "SET points = excluded.points, mark = excluded.mark WHERE excluded.mark >= mark",
        (tenant, collection, held, known),
    )
    # What the kept count includes is needed no longer.
    database.execute(
        "DELETE FROM reservations WHERE tenant = ? AND collection = ? AND released <= "
        "(SELECT mark FROM holdings WHERE tenant = ? AND collection = ?)",
        (tenant, collection, tenant, collection),
    )


def _used(database: sqlite3.Connection, tenant: str, collection: str | None) -> Used:
    row = database.execute(_USED, {"tenant": tenant, "collection": collection}).fetchone()
    return Used(held=row["held"], in_flight=row["in_flight"])


def _exceeded(database: sqlite3.Connection, claim: Claim) -> Exceeded | None:
    limits = (
        ("points_per_collection", claim.per_collection, claim.collection),
        ("points_total", claim.in_total, None),
    )
    for name, limit, collection in limits:
        used = _used(database, claim.tenant, collection)
        if used.points + claim.points > limit:
            return Exceeded(name=name, limit=limit, used=used)
    return None
