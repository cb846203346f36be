"""Searches among a tenant's points: one, several at once, and in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import IsolationError
from ..client_calls import Steps, call
from .examples import OwnVectors
from .filters import refuse_shard_key
from .points import shown_points
from .queries import OneQuery, QueryRewriter
from .reading import own_points
from .scope import TenantScope
from .selection import PayloadSelection

Q = TypeVar("Q")

QueryInput: TypeAlias = (
    types.PointId
    | list[float]
    | list[list[float]]
    | types.SparseVector
    | types.Query
    | types.NumpyArray
    | types.Document
    | types.Image
    | types.InferenceObject
    | None
)
"""What the client takes as a query."""


def query_points(
    scope: TenantScope,
    collection_name: str,
    query: QueryInput = None,
    using: str | None = None,
    prefetch: types.Prefetch | list[types.Prefetch] | None = None,
    query_filter: types.Filter | None = None,
    search_params: types.SearchParams | None = None,
    limit: int = 10,
    offset: int | None = None,
    with_payload: types.WithPayloadInterface = True,
    with_vectors: types.WithVector = False,
    score_threshold: float | None = None,
    lookup_from: types.LookupLocation | None = None,
    consistency: types.ReadConsistency | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.QueryResponse]:
    """Search the tenant's points; an id in a query must be one of the tenant's."""
    refuse_shard_key(shard_key_selector)
    given = OneQuery(
        query=query,
        using=using,
        prefetch=prefetch,
        filter=query_filter,
        params=search_params,
        lookup_from=lookup_from,
    )
    confined = yield from _confined(
        scope, collection_name, lambda rewriter: rewriter.rewritten_one(given)
    )
    selection = PayloadSelection(with_payload, whole=scope.access is not None)
    response: types.QueryResponse = yield call(
        "query_points",
        collection_name,
        query=confined.query,
        using=using,
        prefetch=confined.prefetch,
        query_filter=confined.filter,
        search_params=confined.params,
        limit=limit,
        offset=offset,
        with_payload=selection.widened,
        with_vectors=with_vectors,
        score_threshold=score_threshold,
        consistency=consistency,
        timeout=timeout,
    )
    return _shown(scope, selection, response)


def query_batch_points(
    scope: TenantScope,
    collection_name: str,
    requests: Sequence[types.QueryRequest],
    consistency: types.ReadConsistency | None = None,
    timeout: int | None = None,
) -> Steps[list[types.QueryResponse]]:
    """Search the tenant's points with several requests, each confined by itself."""
    confined = yield from _confined(
        scope, collection_name, lambda rewriter: [rewriter.rewritten(each) for each in requests]
    )
    whole = scope.access is not None
    selections = [PayloadSelection(request.with_payload, whole=whole) for request in confined]
    widened = [
        request.model_copy(update={"with_payload": selection.widened})
        for request, selection in zip(confined, selections, strict=True)
    ]
    responses = yield call(
        "query_batch_points", collection_name, widened, consistency=consistency, timeout=timeout
    )
    return [
        _shown(scope, selection, response)
        for response, selection in zip(responses, selections, strict=True)
    ]


def query_points_groups(
    scope: TenantScope,
    collection_name: str,
    group_by: str,
    query: QueryInput = None,
    using: str | None = None,
    prefetch: types.Prefetch | list[types.Prefetch] | None = None,
    query_filter: types.Filter | None = None,
    search_params: types.SearchParams | None = None,
    limit: int = 10,
    group_size: int = 3,
    with_payload: types.WithPayloadInterface = True,
    with_vectors: types.WithVector = False,
    score_threshold: float | None = None,
    with_lookup: types.WithLookupInterface | None = None,
    lookup_from: types.LookupLocation | None = None,
    consistency: types.ReadConsistency | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.GroupsResult]:
    """Search the tenant's points, grouped by a payload key of the caller's own."""
    refuse_shard_key(shard_key_selector)
    if with_lookup is not None:
        raise IsolationError("with_lookup refused: it reads points by an id that a payload names")
    scope.filters.check_key(group_by, "group_by")
    given = OneQuery(
        query=query,
        using=using,
        prefetch=prefetch,
        filter=query_filter,
        params=search_params,
        lookup_from=lookup_from,
    )
    confined = yield from _confined(
        scope, collection_name, lambda rewriter: rewriter.rewritten_one(given)
    )
    selection = PayloadSelection(with_payload, whole=scope.access is not None)
    result: types.GroupsResult = yield call(
        "query_points_groups",
        collection_name,
        group_by=group_by,
        query=confined.query,
        using=using,
        prefetch=confined.prefetch,
        query_filter=confined.filter,
        search_params=confined.params,
        limit=limit,
        group_size=group_size,
        with_payload=selection.widened,
        with_vectors=with_vectors,
        score_threshold=score_threshold,
        consistency=consistency,
        timeout=timeout,
    )
    groups = [_shown_group(scope, selection, group) for group in result.groups]
    return models.GroupsResult(groups=groups)


def _confined(
    scope: TenantScope, collection: str, rewrite: Callable[[QueryRewriter], Q]
) -> Steps[Q]:
    """Return what the rewriter makes; made again once the points that queries name are known."""
    remote, own = scope.remote_inference, OwnVectors(scope.filters)
    confined = rewrite(QueryRewriter(scope.filters, own, remote=remote))
    if own.named:
        found = yield from _own_vectors(scope, collection, own)
        own = OwnVectors(scope.filters, found)
        confined = rewrite(QueryRewriter(scope.filters, own, remote=remote))
    return confined


def _own_vectors(scope: TenantScope, collection: str, own: OwnVectors) -> Steps[dict[str, Any]]:
    """Return the vectors of the points that queries name, by stored id, in one call."""
    owned = scope.filters.owned(ids=list(own.named.values()))
    names: bool | list[str] = True if "" in own.names else sorted(own.names)
    found, _ = yield from own_points(
        scope, collection, owned, limit=len(own.named), with_vectors=names
    )
    return {stored: record.vector for stored, record in found.items()}


def _shown(
    scope: TenantScope, selection: PayloadSelection, response: types.QueryResponse
) -> types.QueryResponse:
    points = shown_points(scope, selection, response.points)
    return response.model_copy(update={"points": points})


def _shown_group(
    scope: TenantScope, selection: PayloadSelection, group: models.PointGroup
) -> models.PointGroup:
    if group.lookup is not None:
        raise IsolationError("answer withheld: the store looked up a point that was not asked for")
    return group.model_copy(update={"hits": shown_points(scope, selection, group.hits)})
