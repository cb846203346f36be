"""Distances between a tenant's points; the ids in the answer are mapped back to the caller's."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import StoreError
from ..client_calls import Steps, call
from .filters import refuse_shard_key
from .reading import by_stored_id
from .scope import TenantScope
from .selection import PayloadSelection


def search_matrix_pairs(
    scope: TenantScope,
    collection_name: str,
    query_filter: types.Filter | None = None,
    limit: int = 3,
    sample: int = 10,
    using: str | None = None,
    consistency: types.ReadConsistency | None = None,
    timeout: int | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
) -> Steps[types.SearchMatrixPairsResponse]:
    """Return pairs of near points in a sample of the tenant's."""
    refuse_shard_key(shard_key_selector)
    response: types.SearchMatrixPairsResponse = yield call(
        "search_matrix_pairs",
        collection_name,
        query_filter=scope.filters.owned(query_filter),
        limit=limit,
        sample=sample,
        using=using,
        consistency=consistency,
        timeout=timeout,
    )
    stored = [id_ for pair in response.pairs for id_ in (pair.a, pair.b)]
    logical = yield from _logical_ids(scope, collection_name, stored)
    pairs = [
        models.SearchMatrixPair(a=logical[str(pair.a)], b=logical[str(pair.b)], score=pair.score)
        for pair in response.pairs
    ]
    return models.SearchMatrixPairsResponse(pairs=pairs)


def search_matrix_offsets(
    scope: TenantScope,
    collection_name: str,
    query_filter: types.Filter | None = None,
    limit: int = 3,
    sample: int = 10,
    using: str | None = None,
    consistency: types.ReadConsistency | None = None,
    timeout: int | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
) -> Steps[types.SearchMatrixOffsetsResponse]:
    """Return distances in a sample of the tenant's points as a sparse matrix."""
    refuse_shard_key(shard_key_selector)
    response: types.SearchMatrixOffsetsResponse = yield call(
        "search_matrix_offsets",
        collection_name,
        query_filter=scope.filters.owned(query_filter),
        limit=limit,
        sample=sample,
        using=using,
        consistency=consistency,
        timeout=timeout,
    )
    logical = yield from _logical_ids(scope, collection_name, response.ids)
    return response.model_copy(update={"ids": [logical[str(id_)] for id_ in response.ids]})


def _logical_ids(
    scope: TenantScope, collection: str, stored: Sequence[types.PointId]
) -> Steps[dict[str, models.ExtendedPointId]]:
    """Return the caller's id of each stored id, or raise if one is not the tenant's.

    The points are read by id and without a filter, so that a foreign one is seen and not missed.
    """
    wanted = list(dict.fromkeys(str(id_) for id_ in stored))
    if not wanted:
        return {}
    selection = PayloadSelection(False, whole=scope.access is not None)
    found = yield call("retrieve", collection, wanted, with_payload=selection.widened)
    if len(found) < len(wanted):
        raise StoreError("points were deleted while distances were computed: call again")
    shown = by_stored_id(scope, selection, found)
    return {stored: record.id for stored, record in shown.items()}
