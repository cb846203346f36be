"""Points of a tenant: stamped on the way in, checked and restored on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from qdrant_client import models

from ..core.errors import IsolationError, UsageError
from .guarded_filters import TenantFilters, checked_id, reserved
from .point_identity import ID_KEY, TENANT_KEY, restored, stamped

_KEYS = (TENANT_KEY, ID_KEY)

PointT = TypeVar("PointT", models.Record, models.ScoredPoint)


def stamped_points(filters: TenantFilters, points: object) -> list[models.PointStruct]:
    """Return points, as a list or a `models.Batch`, with the tenant's ids and payload keys."""
    listed = _unbatched(points) if isinstance(points, models.Batch) else points
    if not isinstance(listed, Iterable):
        raise UsageError("points refused: use a list of models.PointStruct or a models.Batch")
    return [_stamped_point(filters, point) for point in listed]


def _stamped_point(filters: TenantFilters, point: object) -> models.PointStruct:
    if not isinstance(point, models.PointStruct):
        raise IsolationError(f"point of type {type(point).__name__} refused: use PointStruct")
    payload = stamped(filters.tenant, checked_id(point.id), point.payload or {})
    return models.PointStruct(id=filters.stored_id(point.id), vector=point.vector, payload=payload)


def _unbatched(batch: models.Batch) -> list[models.PointStruct]:
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


class PayloadSelection:
    """A caller's choice of payload keys, widened by the guard's own to check them, then cut back.

    Raises `IsolationError` for a selector of an unknown type.
    """

    def __init__(self, chosen: object) -> None:
        self._shown = True
        self._tenant_shown = True
        if chosen is None or isinstance(chosen, bool):
            self._shown = bool(chosen)
            self.widened: Any = True if chosen else list(_KEYS)
        elif isinstance(chosen, models.PayloadSelectorExclude):
            kept_out = [key for key in chosen.exclude if not reserved(key)]
            self._tenant_shown = kept_out == chosen.exclude
            self.widened = models.PayloadSelectorExclude(exclude=kept_out) if kept_out else True
        elif isinstance(chosen, list | models.PayloadSelectorInclude):
            keys = chosen if isinstance(chosen, list) else chosen.include
            self._tenant_shown = TENANT_KEY in keys
            self.widened = [*keys, *_KEYS]
        else:
            raise IsolationError(f"payload selector of type {type(chosen).__name__} refused")

    def restored(self, filters: TenantFilters, point: PointT) -> PointT:
        """Return a point under the caller's id with the chosen payload, or raise if foreign."""
        logical, payload = restored(filters.tenant, point.id, point.payload)
        if not self._tenant_shown:
            del payload[TENANT_KEY]
        shown = payload if self._shown else None
        return point.model_copy(update={"id": logical, "payload": shown})
