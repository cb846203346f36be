"""Writing and deleting a tenant's points."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ..client_calls import Steps, call
from .filters import checked_id, refuse_shard_key
from .points import listed_points, stamped_point
from .reading import own_points
from .scope import TenantScope
from .selectors import chosen_points


def upsert(
    scope: TenantScope,
    collection_name: str,
    points: types.Points,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    update_filter: types.Filter | None = None,
    update_mode: types.UpdateMode | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Write points of the tenant; a payload that names another tenant is refused."""
    refuse_shard_key(shard_key_selector)
    # A foreign point planted under one of the tenant's ids stays as it is.
    owned = scope.filters.owned(update_filter, changing=True)
    stamped = yield from prepared(scope, collection_name, listed_points(points))
    adding = update_mode != models.UpdateMode.UPDATE_ONLY
    with (yield from room_for(scope, collection_name, stamped if adding else [])):
        done: types.UpdateResult = yield call(
            "upsert",
            collection_name,
            stamped,
            wait=wait or scope.quotas is not None,
            ordering=ordering,
            update_filter=owned,
            update_mode=update_mode,
            timeout=timeout,
        )
    return done


def delete(
    scope: TenantScope,
    collection_name: str,
    points_selector: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Delete those of the chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    done: types.UpdateResult = yield call(
        "delete",
        collection_name,
        chosen_points(points_selector).selector(scope.filters),
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def prepared(
    scope: TenantScope, collection_name: str, points: Sequence[object]
) -> Steps[list[models.PointStruct]]:
    """Return points as they are to be written; with access, those they replace are read first."""
    if scope.access is None or not points:
        return [stamped_point(scope, point) for point in points]
    ids = [point.id for point in points if isinstance(point, models.PointStruct)]
    owned = scope.filters.owned(ids=ids)
    known, _ = yield from own_points(
        scope, collection_name, owned, limit=len(points), with_payload=True
    )
    replaced = {str(record.id): record.payload for record in known.values()}
    return [stamped_point(scope, point, replaced.get(_shown_id(point))) for point in points]


def room_for(
    scope: TenantScope, collection_name: str, stamped: Sequence[models.PointStruct]
) -> Steps[AbstractContextManager[object]]:
    """Reserve room for those of the points that are new, while the result is held.

    Costs two counts, and nothing without quotas. Raises what the quotas raise.
    """
    if scope.quotas is None or not stamped:
        return nullcontext()
    mark = scope.quotas.mark(scope.context)
    ids: list[models.ExtendedPointId] = list(dict.fromkeys(str(point.id) for point in stamped))
    whole = scope.filters.whole_tenant()
    known = models.Filter(must=[whole, models.HasIdCondition(has_id=ids)])
    replaced = yield call("count", collection_name, count_filter=known, exact=True)
    held = yield call("count", collection_name, count_filter=whole, exact=True)
    new = len(ids) - replaced.count
    return scope.quotas.reserve_points(scope.context, collection_name, new, held.count, mark=mark)


def _shown_id(point: object) -> str:
    return str(checked_id(point.id)) if isinstance(point, models.PointStruct) else ""
