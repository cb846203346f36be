"""Reads of a tenant's points: by id, page by page, and how many."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import UsageError
from ..client_calls import Steps, call
from .examples import check_order_by
from .filters import refuse_shard_key
from .points import shown_points
from .scope import TenantScope
from .selection import PayloadSelection


def retrieve(
    scope: TenantScope,
    collection_name: str,
    ids: Sequence[types.PointId],
    with_payload: types.WithPayloadInterface = True,
    with_vectors: types.WithVector = False,
    consistency: types.ReadConsistency | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[list[types.Record]]:
    """Return those of the ids that are the tenant's, in the order asked for, each once."""
    refuse_shard_key(shard_key_selector)
    wanted = list(dict.fromkeys(scope.filters.stored_id(id_) for id_ in ids))
    if not wanted:
        return []
    selection = PayloadSelection(with_payload, whole=scope.access is not None)
    found, _ = yield call(
        "scroll",
        collection_name,
        scroll_filter=scope.filters.owned(ids=ids),
        limit=len(wanted),
        with_payload=selection.widened,
        with_vectors=_listed(with_vectors),
        consistency=consistency,
        timeout=timeout,
    )
    by_id = by_stored_id(scope, selection, found)
    return [by_id[id_] for id_ in wanted if id_ in by_id]


def scroll(
    scope: TenantScope,
    collection_name: str,
    scroll_filter: types.Filter | None = None,
    limit: int = 10,
    order_by: types.OrderBy | None = None,
    offset: types.PointId | None = None,
    with_payload: types.WithPayloadInterface = True,
    with_vectors: types.WithVector = False,
    consistency: types.ReadConsistency | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[tuple[list[types.Record], types.PointId | None]]:
    """Page through the tenant's points in the order of stored ids, not of the caller's.

    ``offset`` is what the last page returned, or any id of the tenant. A page in the order of a
    payload key has no next one: start the next call at its last value.
    """
    refuse_shard_key(shard_key_selector)
    if limit < 1:
        raise UsageError("scroll refused: limit must be at least 1")
    if order_by is not None:
        check_order_by(scope.filters, order_by)
    selection = PayloadSelection(with_payload, whole=scope.access is not None)
    page, _ = yield call(
        "scroll",
        collection_name,
        scroll_filter=scope.filters.owned(scroll_filter),
        # One more, for its id: the offset that the client returns is a stored one.
        limit=limit if order_by is not None else limit + 1,
        order_by=order_by,
        offset=None if offset is None else scope.filters.stored_id(offset),
        with_payload=selection.widened,
        with_vectors=_listed(with_vectors),
        consistency=consistency,
        timeout=timeout,
    )
    shown = shown_points(scope, selection, page)
    return shown[:limit], shown[limit].id if len(shown) > limit else None


def count(
    scope: TenantScope,
    collection_name: str,
    count_filter: types.Filter | None = None,
    exact: bool = True,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.CountResult]:
    """Count the tenant's points, always exactly: an estimate is made of every tenant's."""
    refuse_shard_key(shard_key_selector)
    del exact
    counted: types.CountResult = yield call(
        "count",
        collection_name,
        count_filter=scope.filters.owned(count_filter),
        exact=True,
        timeout=timeout,
    )
    return counted


def own_points(
    scope: TenantScope,
    collection_name: str,
    owned: models.Filter,
    *,
    limit: int,
    offset: object = None,
    with_payload: bool = False,
    with_vectors: bool | list[str] = False,
) -> Steps[tuple[dict[str, types.Record], object]]:
    """Return a page of the points that the filter leaves, by stored id, and the next offset.

    ``owned`` comes from the tenant's filters; ``offset`` is a stored id.
    """
    selection = PayloadSelection(with_payload, whole=scope.access is not None)
    found, following = yield call(
        "scroll",
        collection_name,
        scroll_filter=owned,
        limit=limit,
        offset=offset,
        with_payload=selection.widened,
        with_vectors=with_vectors,
    )
    return by_stored_id(scope, selection, found), following


def by_stored_id(
    scope: TenantScope, selection: PayloadSelection, found: Sequence[types.Record]
) -> dict[str, types.Record]:
    """Return records as the caller sees them, by the ids under which they were found."""
    stored = [str(record.id) for record in found]
    return dict(zip(stored, shown_points(scope, selection, found), strict=True))


def _listed(names: types.WithVector) -> types.WithVector:
    return names if isinstance(names, bool) else list(names)
