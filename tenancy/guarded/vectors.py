"""Changes to the vectors of a tenant's points."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import IsolationError, UsageError
from ..client_calls import Steps, call
from .filters import refuse_shard_key
from .inference import check_vectors
from .known_fields import refuse_unknown_fields
from .operations import nothing_done
from .reading import own_points
from .scope import TenantScope
from .selectors import chosen_points


def update_vectors(
    scope: TenantScope,
    collection_name: str,
    points: Sequence[types.PointVectors],
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    update_filter: types.Filter | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Replace vectors of those of the points that are the tenant's.

    They are looked up first: the client answers an unknown id with an error, which would tell a
    point that exists and may not be changed from one that does not exist.
    """
    refuse_shard_key(shard_key_selector)
    moved = confined_vectors(scope, points)
    owned = scope.filters.owned(update_filter, changing=True)
    ids = [point.id for point in points]
    known, _ = yield from own_points(
        scope, collection_name, scope.filters.owned(ids=ids, changing=True), limit=len(ids)
    )
    kept = [point for point in moved if point.id in known]
    if not kept:
        return nothing_done()
    done: types.UpdateResult = yield call(
        "update_vectors",
        collection_name,
        kept,
        wait=wait,
        ordering=ordering,
        update_filter=owned,
        timeout=timeout,
    )
    return done


def delete_vectors(
    scope: TenantScope,
    collection_name: str,
    vectors: Sequence[str],
    points: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Delete named vectors of those of the chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    done: types.UpdateResult = yield call(
        "delete_vectors",
        collection_name,
        list(vectors),
        chosen_points(points).selector(scope.filters),
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def confined_vectors(
    scope: TenantScope, points: Sequence[types.PointVectors]
) -> list[models.PointVectors]:
    """Return the points with their stored ids, their vectors checked."""
    if not points:
        raise UsageError("vectors refused: there are no points")
    for point in points:
        if not isinstance(point, models.PointVectors):
            raise IsolationError(f"point of type {type(point).__name__} refused: use PointVectors")
        refuse_unknown_fields(point)
        check_vectors(point.vector, remote=scope.remote_inference)
    return [
        models.PointVectors(id=scope.filters.stored_id(point.id), vector=point.vector)
        for point in points
    ]
