"""Choices of points for a write: whatever form a caller gives, a filter of the tenant comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qdrant_client import models

from ...core.errors import IsolationError
from .filters import TenantFilters, refuse_shard_key
from .known_fields import refuse_unknown_fields


@dataclass(frozen=True, slots=True)
class Chosen:
    """Points that a caller chose: by these ids, or where that is None by the filter."""

    ids: Sequence[object] | None
    user_filter: models.Filter | None

    def owned(self, filters: TenantFilters) -> models.Filter:
        """Return those of the choice that the context may change, as a filter."""
        return filters.owned(self.user_filter, ids=self.ids, changing=True)

    def selector(self, filters: TenantFilters) -> models.FilterSelector:
        """Return the choice as the client takes it: never as ids."""
        return models.FilterSelector(filter=self.owned(filters))


def chosen_points(points: object) -> Chosen:
    """Read a selector: a list of ids, a filter, or one of the client's selector models."""
    if isinstance(points, models.FilterSelector | models.PointIdsList):
        refuse_unknown_fields(points)
        refuse_shard_key(points.shard_key)
        points = points.filter if isinstance(points, models.FilterSelector) else points.points
    if isinstance(points, models.Filter):
        return Chosen(None, points)
    if isinstance(points, list | tuple):
        return Chosen(points, None)
    raise IsolationError(
        f"points selector of type {type(points).__name__} refused: "
        "use a list of ids or a models.Filter"
    )


def chosen_by_operation(
    operation: models.SetPayload | models.DeletePayload | models.DeleteVectors,
) -> Chosen:
    """Read the selector of one operation of a batch; ids win over a filter, as in the client."""
    refuse_unknown_fields(operation)
    refuse_shard_key(operation.shard_key)
    return chosen_points(operation.filter if operation.points is None else operation.points)
