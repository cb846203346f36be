"""Values of a payload key among a tenant's points, and how often each occurs."""

from __future__ import annotations

from qdrant_client.conversions import common_types as types

from ..client_calls import Steps, call
from .filters import refuse_shard_key
from .scope import TenantScope


def facet(
    scope: TenantScope,
    collection_name: str,
    key: str,
    facet_filter: types.Filter | None = None,
    limit: int = 10,
    exact: bool = False,
    consistency: types.ReadConsistency | None = None,
    timeout: int | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
) -> Steps[types.FacetResponse]:
    """Count values of a key of the tenant's points, always exactly, as `reading.count` does."""
    refuse_shard_key(shard_key_selector)
    scope.filters.check_key(key, "facet")
    del exact
    response: types.FacetResponse = yield call(
        "facet",
        collection_name,
        key=key,
        facet_filter=scope.filters.owned(facet_filter),
        limit=limit,
        exact=True,
        consistency=consistency,
        timeout=timeout,
    )
    return response
