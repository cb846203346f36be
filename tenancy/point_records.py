"""Points on their way into a store and out of it: checked, stamped, restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from ..core.chunk import ChunkId, TenantId, Vector, checked_matrix
from ..core.errors import InputError, IsolationError, SealError, UsageError
from ..core.store import Hit, StoredPoint
from .access_rules import Rule, holds
from .point_identity import ID_KEY, TENANT_KEY, namespaced_id, payload_bytes, restored, stamped

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher, Resealed

MAX_LIMIT = 10_000
_FLOAT_BYTES = 4

Row = tuple[object, Any, Mapping[str, Any] | None]
"""Stored id, vector and payload, as an engine gives them back."""


@dataclass(frozen=True, slots=True)
class UnopenedPoint:
    """A stored point that may not leave; ``id`` is the engine's, or the caller's where known."""

    id: str
    error: IsolationError | SealError


def checked_records(
    tenant: TenantId,
    points: Sequence[StoredPoint],
    dimension: int,
    cipher: PayloadCipher | None = None,
) -> tuple[list[tuple[UUID, list[float], dict[str, Any]]], int]:
    """Return stored id, vector and stamped, sealed payload of each point, and their size in bytes.

    Of two points with one id the later stands. Raises `VectorError`, `InputError` or
    `IsolationError` and names the point; nothing was written then.
    """
    latest = list({point.id: point for point in points}.values())
    if not latest:
        return [], 0
    matrix = checked_matrix([np.asarray(point.vector) for point in latest], dimension)
    payloads, size = _stamped(tenant, latest)
    ids = [namespaced_id(tenant, point.id) for point in latest]
    if cipher is not None:
        payloads = cipher.sealed_payloads(
            tenant, [(str(id_), payload) for id_, payload in zip(ids, payloads, strict=True)]
        )
        size = sum(payload_bytes(str(id_), each) for id_, each in zip(ids, payloads, strict=True))
    vectors = (vector.tolist() for vector in matrix)
    return list(zip(ids, vectors, payloads, strict=True)), size + matrix.size * _FLOAT_BYTES


def _stamped(tenant: TenantId, points: Sequence[StoredPoint]) -> tuple[list[dict[str, Any]], int]:
    payloads, size = [], 0
    for point in points:
        if not isinstance(point.id, str) or not point.id:
            raise InputError("point refused: its id must be a text that is not empty")
        payload = stamped(tenant, point.id, point.payload)
        size += payload_bytes(point.id, payload)
        payloads.append(payload)
    return payloads, size


def checked_limit(limit: int) -> int:
    """Return the limit if it is between 1 and 10,000, or raise `UsageError`."""
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"search limit {limit} refused: it must be between 1 and {MAX_LIMIT}")
    return limit


def to_points(
    tenant: TenantId, rows: Sequence[Row], cipher: PayloadCipher | None = None
) -> list[StoredPoint]:
    """Return stored points under their chunk ids, with sealed values opened.

    Raises `IsolationError` for a foreign point, and `SealError` for a value that does not open.
    """
    found = [restored(tenant, stored_id, payload) for stored_id, _, payload in rows]
    if cipher is not None:
        sealed = [(str(row[0]), kept) for row, (_, kept) in zip(rows, found, strict=True)]
        opened = cipher.opened_payloads(tenant, sealed)
        found = [(logical, kept) for (logical, _), kept in zip(found, opened, strict=True)]
    return [
        StoredPoint(id=ChunkId(str(logical)), vector=as_vector(vector), payload=payload)
        for (_, vector, _), (logical, payload) in zip(rows, found, strict=True)
    ]


def to_hits(points: Iterable[StoredPoint], scores: Iterable[float]) -> list[Hit]:
    """Return search results with their cosines, kept within [-1, 1] against rounding."""
    return [
        Hit(point=point, score=_cosine(float(score)))
        for point, score in zip(points, scores, strict=True)
    ]


def each_opened(
    tenant: TenantId, rows: Sequence[Row], cipher: PayloadCipher | None = None
) -> Iterator[StoredPoint | UnopenedPoint]:
    """Yield `to_points`, and in place of a point that is foreign or does not open, why.

    What is wrong with a key and not with a point still raises.
    """
    try:
        points = to_points(tenant, rows, cipher)
    except (IsolationError, SealError):
        for row in rows:
            yield _one_opened(tenant, row, cipher)
    else:
        yield from points


def _one_opened(
    tenant: TenantId, row: Row, cipher: PayloadCipher | None
) -> StoredPoint | UnopenedPoint:
    try:
        return to_points(tenant, [row], cipher)[0]
    except SealError as error:
        return UnopenedPoint(str((row[2] or {}).get(ID_KEY, row[0])), error)
    except IsolationError as error:
        return UnopenedPoint(str(row[0]), error)


def require_readable(hits: list[Hit], readable: Rule) -> list[Hit]:
    """Return the hits if the rule holds for each; raise `IsolationError` and return none if not."""
    if all(holds(readable, hit.point.payload) for hit in hits):
        return hits
    raise IsolationError(
        "search withheld: the store returned a document that the caller may not read; check that "
        "it keeps to filters"
    )


def refuse_reserved(payload: Mapping[str, Any], sealed: Sequence[str]) -> None:
    """Raise `UsageError` if payload keys to set belong to the guard or hold sealed fields."""
    kept = {TENANT_KEY, ID_KEY, *(field.split(".")[0] for field in sealed)}
    if kept & payload.keys():
        raise UsageError("payload refused: it sets a key of the guard or a sealed field")


def to_reseal(
    tenant: TenantId, rows: Sequence[Row], cipher: PayloadCipher | None
) -> Iterator[Resealed]:
    """Yield what to write for those rows that the newest key did not seal."""
    if cipher is None:
        raise UsageError("reseal refused: the store has no cipher; set 'encryption.key'")
    kept = [(str(id_), restored(tenant, id_, payload)[1]) for id_, _, payload in rows]
    return cipher.resealed_payloads(tenant, kept)


def require_openable(
    tenant: TenantId, points: Sequence[StoredPoint], cipher: PayloadCipher | None
) -> None:
    """Raise unless the cipher opens these points, whose payloads are as a store keeps them.

    Raises `SealError` for a value that is plain, altered or of another place, and
    `ErasedTenantError` for one whose key was dropped.
    """
    if cipher is not None:
        kept = [(str(namespaced_id(tenant, point.id)), point.payload) for point in points]
        cipher.opened_payloads(tenant, kept)


def as_vector(numbers: Any) -> Vector:
    """Return a vector that an engine gave, as a list or an array, as float32 (d,)."""
    if not isinstance(numbers, list):
        return np.asarray(numbers, dtype=np.float32)
    # 3 microseconds for 384 numbers where numpy takes 6; a query converts one vector a hit.
    vector = np.empty(len(numbers), dtype=np.float32)
    _packing(len(numbers)).pack_into(vector.data, 0, *numbers)
    return vector


def _cosine(score: float) -> float:
    return score if -1.0 <= score <= 1.0 else min(1.0, max(-1.0, score))


@lru_cache(maxsize=64)
def _packing(dimension: int) -> Struct:
    return Struct(f"{dimension}f")
