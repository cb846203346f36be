"""Points of a tenant: stamped and sealed on the way in, checked and opened on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from qdrant_client import models

from ...core.errors import IsolationError, UsageError
from ..point_identity import restored, stamped
from .filters import checked_id
from .hooks import PayloadCipher
from .inference import check_vectors
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


def stamped_points(scope: TenantScope, points: object) -> list[models.PointStruct]:
    """Return points, as a list or a `models.Batch`, with the tenant's ids and payload keys."""
    listed = _unbatched(points) if isinstance(points, models.Batch) else points
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Iterable):
        raise UsageError("points refused: use a list of models.PointStruct or a models.Batch")
    return [stamped_point(scope, point) for point in listed]


def stamped_point(scope: TenantScope, point: object) -> models.PointStruct:
    """Return the point under its stored id, its payload stamped and its sealed fields sealed."""
    if not isinstance(point, models.PointStruct):
        raise IsolationError(f"point of type {type(point).__name__} refused: use PointStruct")
    refuse_unknown_fields(point)
    check_vectors(point.vector, remote=scope.remote_inference)
    payload = stamped_payload(scope, point.id, point.payload or {})
    stored = scope.filters.stored_id(point.id)
    return models.PointStruct(id=stored, vector=point.vector, payload=payload)


def stamped_payload(scope: TenantScope, id_: object, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of the tenant's point as it is stored."""
    logical = checked_id(id_)
    return sealed_payload(scope, logical, stamped(scope.filters.tenant, logical, payload))


def sealed_payload(scope: TenantScope, id_: object, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload with the texts of the cipher's fields sealed for this point."""
    kept = dict(payload)
    if scope.cipher is None:
        return kept
    check_sealable(scope, payload)
    stored = scope.filters.stored_id(id_)
    for field in scope.filters.sealed & kept.keys():
        kept[field] = scope.cipher.sealed(scope.filters.tenant, stored, field, kept[field])
    return kept


def check_sealable(scope: TenantScope, payload: Mapping[str, Any]) -> None:
    """Raise `UsageError` if a field that is to be sealed holds anything but a text."""
    for field in scope.filters.sealed & payload.keys():
        if not isinstance(payload[field], str):
            raise UsageError(f"payload refused: '{field}' is sealed and must be a text")


def shown_point(scope: TenantScope, selection: PayloadSelection, point: PointT) -> PointT:
    """Return a point under the caller's id with the chosen payload, or raise if it is foreign."""
    try:
        logical, payload = restored(scope.filters.tenant, point.id, point.payload)
    except IsolationError:
        raise WithheldError(scope.filters.tenant, point.id) from None
    if scope.access is not None and not scope.access.admits(scope.context, payload):
        raise WithheldError(scope.filters.tenant, point.id)
    shown = selection.cut(payload)
    if shown is not None and scope.cipher is not None:
        shown = _opened(scope, scope.cipher, str(point.id), shown)
    return point.model_copy(update={"id": logical, "payload": shown})


def _opened(
    scope: TenantScope, cipher: PayloadCipher, stored: str, payload: dict[str, Any]
) -> dict[str, Any]:
    sealed, tenant = scope.filters.sealed, scope.filters.tenant
    return {
        key: cipher.opened(tenant, stored, key, value) if key in sealed else value
        for key, value in payload.items()
    }


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
