"""Writing and deleting a tenant's points."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from .calls import Steps, call
from .filters import refuse_shard_key
from .points import stamped_points
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
    stamped = stamped_points(scope, points)
    # A foreign point planted under one of the tenant's ids stays as it is.
    owned = scope.filters.owned(update_filter)
    if update_mode != models.UpdateMode.UPDATE_ONLY:
        yield from room_reserved(scope, collection_name, stamped)
    done: types.UpdateResult = yield call(
        "upsert",
        collection_name,
        stamped,
        wait=wait,
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


def room_reserved(
    scope: TenantScope, collection_name: str, stamped: Sequence[models.PointStruct]
) -> Steps[None]:
    """Ask the quotas for room for those of the points that are new; a refusal raises.

    Costs two counts, and nothing without quotas.
    """
    if scope.quotas is None:
        return
    ids: list[models.ExtendedPointId] = list(dict.fromkeys(str(point.id) for point in stamped))
    whole = scope.filters.whole_tenant()
    held = yield call("count", collection_name, count_filter=whole, exact=True)
    known = models.Filter(must=[whole, models.HasIdCondition(has_id=ids)])
    replaced = yield call("count", collection_name, count_filter=known, exact=True)
    new = len(ids) - replaced.count
    scope.quotas.reserve_points(scope.context, collection_name, new, held.count)
