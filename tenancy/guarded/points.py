"""Points of a tenant: stamped and sealed on the way in, checked and opened on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from qdrant_client import models

from ...core.errors import IsolationError, UsageError
from ..point_identity import TENANT_KEY, LogicalId, refuse_foreign_claims, restored, stamped
from .filters import checked_id
from .hooks import PayloadCipher
from .inference import check_vectors
from .keys import GUARD_PREFIX
from .known_fields import refuse_unknown_fields
from .scope import TenantScope
from .selection import PayloadSelection

PointT = TypeVar("PointT", models.Record, models.ScoredPoint)


class WithheldError(IsolationError):
    """The store returned a point that the context may not see; the caller gets nothing.

    ``stored_id`` is for the audit, and not part of the message: it is another's.
    """

    def __init__(self, tenant: str, stored_id: object) -> None:
        super().__init__(
            f"answer withheld: the store returned a point that is not for this context of tenant "
            f"'{tenant}'; an administrator finds it in the events"
        )
        self.stored_id = str(stored_id)


def listed_points(points: object) -> list[object]:
    """Return points that a caller gave as a list or a `models.Batch`."""
    listed = _unbatched(points) if isinstance(points, models.Batch) else points
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Iterable):
        raise UsageError("points refused: use a list of models.PointStruct or a models.Batch")
    return list(listed)


def stamped_point(
    scope: TenantScope, point: object, stored: Mapping[str, Any] | None = None
) -> models.PointStruct:
    """Return the point under its stored id, its payload as `stamped_payload` gives it."""
    if not isinstance(point, models.PointStruct):
        raise IsolationError(f"point of type {type(point).__name__} refused: use PointStruct")
    refuse_unknown_fields(point)
    check_vectors(point.vector, remote=scope.remote_inference)
    payload = stamped_payload(scope, point.id, point.payload or {}, stored)
    id_ = scope.filters.stored_id(point.id)
    return models.PointStruct(id=id_, vector=point.vector, payload=payload)


def stamped_payload(
    scope: TenantScope,
    id_: object,
    payload: Mapping[str, Any],
    stored: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the payload of the tenant's point to be written: labelled, stamped and sealed.

    ``stored`` is the payload that it replaces, None for a new one.
    """
    logical = checked_id(id_)
    kept = {key: value for key, value in (stored or {}).items() if key != TENANT_KEY}
    refuse_own_labels(scope, payload)
    if scope.access is not None:
        payload = scope.access.labelled(
            scope.context,
            payload,
            stored=None if stored is None else kept,
            document=str(logical),
        )
    return sealed_payload(scope, logical, stamped(scope.filters.tenant, logical, payload))


def refuse_own_labels(scope: TenantScope, payload: Mapping[str, Any]) -> None:
    """Raise unless labels in a payload are there for a `DocumentAccess` to decide about."""
    refuse_foreign_claims(scope.filters.tenant, "to be written", payload)
    if scope.access is None and any(str(key).startswith(GUARD_PREFIX) for key in payload):
        raise IsolationError(
            f"payload refused: keys that start with '{GUARD_PREFIX}' are the guard's own"
        )


def sealed_payload(scope: TenantScope, id_: object, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload with the values of the cipher's fields sealed for this point."""
    if scope.cipher is None:
        return dict(payload)
    point = (scope.filters.stored_id(id_), payload)
    return scope.cipher.sealed_payloads(scope.filters.tenant, [point])[0]


def shown_points(
    scope: TenantScope, selection: PayloadSelection, points: Sequence[PointT]
) -> list[PointT]:
    """Give points the caller's ids and the chosen payload; raise if one is foreign.

    ``points``: as the client made them for this call; they are changed.
    """
    checked = [_checked(scope, point) for point in points]
    shown = [selection.cut(payload) for _, payload in checked]
    if scope.cipher is not None:
        shown = _opened(scope, scope.cipher, points, shown)
    for point, (logical, _), payload in zip(points, checked, shown, strict=True):
        # In place: the client made them for this call, and a copy of each takes as long as a check.
        point.id = logical
        point.payload = payload
    return list(points)


def _checked(scope: TenantScope, point: PointT) -> tuple[LogicalId, dict[str, Any]]:
    try:
        logical, payload = restored(scope.filters.tenant, point.id, point.payload)
    except IsolationError:
        raise WithheldError(scope.filters.tenant, point.id) from None
    if scope.access is not None and not scope.access.admits(scope.context, payload):
        raise WithheldError(scope.filters.tenant, point.id)
    return logical, payload


def _opened(
    scope: TenantScope,
    cipher: PayloadCipher,
    points: Sequence[PointT],
    payloads: Sequence[dict[str, Any] | None],
) -> list[dict[str, Any] | None]:
    """Return the payloads with their sealed fields opened in one batch; None stays None."""
    places = [
        (str(point.id), payload)
        for point, payload in zip(points, payloads, strict=True)
        if payload is not None
    ]
    opened = iter(cipher.opened_payloads(scope.filters.tenant, places) if places else [])
    return [None if payload is None else next(opened) for payload in payloads]


def _unbatched(batch: models.Batch) -> list[models.PointStruct]:
    refuse_unknown_fields(batch)
    payloads: Sequence[Mapping[str, Any] | None] = batch.payloads or [None] * len(batch.ids)
    vectors: Sequence[Any]
    if isinstance(batch.vectors, dict):
        names = list(batch.vectors)
        columns = zip(*batch.vectors.values(), strict=True)
        vectors = [dict(zip(names, column, strict=True)) for column in columns]
    else:
        vectors = batch.vectors
    if not len(batch.ids) == len(vectors) == len(payloads):
        raise UsageError("batch refused: ids, vectors and payloads differ in number")
    return [
        models.PointStruct(id=id_, vector=vector, payload=dict(payload or {}))
        for id_, vector, payload in zip(batch.ids, vectors, payloads, strict=True)
    ]
