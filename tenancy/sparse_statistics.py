"""Document frequencies for each tenant: IDF weights that no other tenant moves.

>>> from qdrant_client import models
>>> from ragbastion.tenancy.context import operator_context
>>> statistics = TenantSparseStatistics()
>>> acme = operator_context(tenant="acme", principal="app")
>>> statistics.record(acme, "docs", "bm25", {1: [7, 9], 2: [7]})
>>> query = models.SparseVector(indices=[7, 9], values=[1.0, 1.0])
>>> [round(value, 3) for value in statistics.weighted(acme, "docs", "bm25", query).values]
[0.182, 0.693]

Qdrant's IDF modifier multiplies the query's values, so weights put into the query, on a vector
without the modifier, give the same scores. The modifier counts over the whole collection: scores on
one's own points would tell in how many points of other tenants a term stands.

- INVARIANT: weights of a tenant depend on what was recorded for that tenant and collection alone.
- INVARIANT: recording a point again replaces what was recorded of it; repeating changes nothing.

Record a point after it was written, forget it after it was deleted: a kill between the two leaves a
weight off by one document until the point is recorded again, and never shows another tenant's.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np

from ..core.errors import InputError, MissingExtraError, UsageError
from ..core.sqlite import open_database, open_memory_database, query, transaction
from .context import TenantContext
from .names import checked_collection

try:
    from qdrant_client import models
except ImportError as missing:
    raise MissingExtraError(
        "sparse statistics need qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spaces (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    collection TEXT NOT NULL,
    vector TEXT NOT NULL,
    UNIQUE (tenant, collection, vector)
) STRICT;
CREATE TABLE IF NOT EXISTS points (
    space INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    point TEXT NOT NULL,
    terms BLOB NOT NULL,
    PRIMARY KEY (space, point)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frequencies (
    space INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    term INTEGER NOT NULL,
    points INTEGER NOT NULL,
    PRIMARY KEY (space, term)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
    space INTEGER PRIMARY KEY REFERENCES spaces ON DELETE CASCADE,
    points INTEGER NOT NULL
) STRICT;
"""
_MAX_TERM = 2**32
_TERMS = np.dtype("<u4")
_MAX_NAME_CHARS = 256
# SQLite takes 32,766 values in one statement since 3.32; older builds take 999.
_AT_ONCE = 900

PointId = int | str | UUID


class TenantSparseStatistics:
    """Counts in how many points of a tenant each term of a sparse vector stands.

    ``path`` is a SQLite file that processes may share, None keeps the counts in this process.
    Threads may share it. Give every method the point ids that callers use.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._database = open_memory_database(_SCHEMA)
            self._database.execute("PRAGMA foreign_keys=ON")
        else:
            self._database = open_database(path, _SCHEMA)
        self._lock = threading.Lock()

    def record(
        self,
        context: TenantContext,
        collection: str,
        vector: str,
        points: Mapping[PointId, Sequence[int]],
    ) -> None:
        """Keep the terms (``SparseVector.indices``) of points that were written.

        Raises `InputError` for terms that are no unsigned 32-bit integers or occur twice; nothing
        was kept then.
        """
        packed = {_point(id_): _packed(terms) for id_, terms in points.items()}
        with self._lock, transaction(self._database) as database:
            space = _space(database, context, collection, vector)
            for point, terms in packed.items():
                _forget(database, space, point)
                _add(database, space, point, terms)

    def forget(
        self, context: TenantContext, collection: str, vector: str, points: Collection[PointId]
    ) -> None:
        """Drop points that were deleted; unknown ones are passed over."""
        named = [_point(id_) for id_ in points]
        with self._lock, transaction(self._database) as database:
            space = _space(database, context, collection, vector)
            for point in named:
                _forget(database, space, point)

    def forget_tenant(self, context: TenantContext, collection: str | None = None) -> None:
        """Drop all that is known of the tenant, or of its part of one collection."""
        values = {"tenant": context.tenant, "collection": collection}
        with self._lock, transaction(self._database) as database:
            database.execute(
                "DELETE FROM spaces WHERE tenant = :tenant "
                "AND (:collection IS NULL OR collection = :collection)",
                values,
            )

    def weighted(
        self, context: TenantContext, collection: str, vector: str, query: models.SparseVector
    ) -> models.SparseVector:
        """Return the query with each value times the IDF of its term among the tenant's points.

        The formula is Qdrant's: ``ln((n - df + 0.5) / (df + 0.5) + 1)``.
        """
        with self._lock:
            count, frequencies = self._counts(context, collection, vector, query.indices)
        weights = [_idf(frequencies.get(term, 0), count) for term in query.indices]
        values = [value * weight for value, weight in zip(query.values, weights, strict=True)]
        return models.SparseVector(indices=list(query.indices), values=values)

    def close(self) -> None:
        """Close the state file."""
        with self._lock:
            self._database.close()

    def _counts(
        self, context: TenantContext, collection: str, vector: str, terms: Sequence[int]
    ) -> tuple[int, dict[int, int]]:
        checked_collection(collection)
        rows = query(
            self._database,
            "SELECT id, coalesce(totals.points, 0) AS points FROM spaces "
            "LEFT JOIN totals ON totals.space = spaces.id "
            "WHERE tenant = ? AND collection = ? AND vector = ?",
            (context.tenant, collection, vector),
        )
        if not rows:
            return 0, {}
        (row,) = rows
        found: dict[int, int] = {}
        wanted = sorted(set(terms))
        for start in range(0, len(wanted), _AT_ONCE):
            found |= _frequencies(self._database, row["id"], wanted[start : start + _AT_ONCE])
        return row["points"], found


def _idf(frequency: int, count: int) -> float:
    return math.log((count - frequency + 0.5) / (frequency + 0.5) + 1)


def _frequencies(database: sqlite3.Connection, space: int, terms: Sequence[int]) -> dict[int, int]:
    marks = ", ".join("?" * len(terms))
    sql = f"SELECT term, points FROM frequencies WHERE space = ? AND term IN ({marks})"  # noqa: S608
    return {row["term"]: row["points"] for row in query(database, sql, (space, *terms))}


def _space(
    database: sqlite3.Connection, context: TenantContext, collection: str, vector: str
) -> int:
    checked_collection(collection)
    if not isinstance(vector, str) or len(vector) > _MAX_NAME_CHARS:
        raise UsageError(f"vector refused: its name is a text of at most {_MAX_NAME_CHARS}")
    named = (context.tenant, collection, vector)
    database.execute(
        "INSERT OR IGNORE INTO spaces (tenant, collection, vector) VALUES (?, ?, ?)", named
    )
    row = database.execute(
        "SELECT id FROM spaces WHERE tenant = ? AND collection = ? AND vector = ?", named
    ).fetchone()
    return int(row["id"])


def _add(database: sqlite3.Connection, space: int, point: str, terms: bytes) -> None:
    database.execute("INSERT INTO points VALUES (?, ?, ?)", (space, point, terms))
    database.executemany(
        "INSERT INTO frequencies VALUES (?, ?, 1) "
        "ON CONFLICT (space, term) DO UPDATE SET points = points + 1",
        [(space, term) for term in _unpacked(terms)],
    )
    database.execute(
        "INSERT INTO totals VALUES (?, 1) ON CONFLICT (space) DO UPDATE SET points = points + 1",
        (space,),
    )


def _forget(database: sqlite3.Connection, space: int, point: str) -> None:
    row = database.execute(
        "DELETE FROM points WHERE space = ? AND point = ? RETURNING terms", (space, point)
    ).fetchone()
    if row is None:
        return
    terms = [(space, term) for term in _unpacked(row["terms"])]
    database.executemany(
        "UPDATE frequencies SET points = points - 1 WHERE space = ? AND term = ?", terms
    )
    database.executemany(
        "DELETE FROM frequencies WHERE space = ? AND term = ? AND points <= 0", terms
    )
    database.execute("UPDATE totals SET points = points - 1 WHERE space = ?", (space,))


def _point(id_: object) -> str:
    """Return the key of a point; 7 and "7" are two points, spellings of one UUID are one."""
    if isinstance(id_, int) and not isinstance(id_, bool):
        return f"int:{id_}"
    if isinstance(id_, UUID):
        return f"str:{id_}"
    if not isinstance(id_, str) or not 1 <= len(id_) <= _MAX_NAME_CHARS:
        raise InputError("point refused: its id must be an integer, a UUID or a short text")
    try:
        return f"str:{UUID(id_)}"
    except ValueError:
        return f"str:{id_}"


def _packed(terms: Sequence[int]) -> bytes:
    whole = all(isinstance(term, int) and not isinstance(term, bool) for term in terms)
    if not whole or not all(0 <= term < _MAX_TERM for term in terms):
        raise InputError("point refused: terms must be unsigned 32-bit integers")
    if len(set(terms)) != len(terms):
        raise InputError("point refused: a term occurs twice in its sparse vector")
    return np.asarray(terms, _TERMS).tobytes()


def _unpacked(terms: bytes) -> list[int]:
    return [int(term) for term in np.frombuffer(terms, _TERMS)]
