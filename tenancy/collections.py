"""Collections made for tenants: shared with an index for each tenant, or one for one tenant.

>>> from qdrant_client import QdrantClient, models
>>> client = QdrantClient(":memory:")
>>> size = models.VectorParams(size=4, distance=models.Distance.COSINE)
>>> create_tenant_collection(client, "docs", size).mode
<TenancyMode.SHARED: 'shared'>

- INVARIANT: a shared collection has no sparse vector with the IDF modifier. Its scores would count
  in how many points of all tenants a term stands (`TenantSparseStatistics` counts for one).
- INVARIANT: a shared collection on a server has an index of the tenant's key with ``is_tenant``,
  and is refused without.
- INVARIANT: a collection of one tenant has a name that does not tell whose it is.

These act on a whole server: an administrator calls them on a client of its own. Local mode keeps no
indexes and no shards, so nothing of them can be checked there: `TenantCollection.indexed` is None,
sharding is refused, and each search is exact and reads the tenant's points one by one.
"""

from __future__ import annotations

from ..core.errors import MissingExtraError
from ..core.events import EventSink

try:
    from qdrant_client import AsyncQdrantClient, QdrantClient
except ImportError as missing:
    raise MissingExtraError(
        "tenants' collections need qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing

from .client_calls import arun, is_local, run
from .collection_steps import (
    CollectionOptions,
    TenancyMode,
    TenantCollection,
    TenantSharding,
    VectorsConfig,
    checking,
    creating,
    reported,
)

__all__ = [
    "CollectionOptions",
    "TenancyMode",
    "TenantCollection",
    "TenantSharding",
    "acheck_tenant_collection",
    "acreate_tenant_collection",
    "check_tenant_collection",
    "create_tenant_collection",
]


def create_tenant_collection(
    client: QdrantClient,
    name: str,
    vectors_config: VectorsConfig,
    mode: TenancyMode = TenancyMode.SHARED,
    *,
    options: CollectionOptions | None = None,
    events: EventSink | None = None,
) -> TenantCollection:
    """Create a collection for tenants; one that exists is checked, and never changed.

    ``mode`` is `TenancyMode.SHARED`, or `TenancyMode.PER_TENANT` with a name of `TenantNames`.
    Raises `IsolationError` for an IDF modifier in a shared collection, `UsageError` for a name or
    option that does not fit the mode or the client, `StoreError` for an existing collection that
    has other vectors or no tenant index. Each refusal is an event.
    """
    steps = creating(name, vectors_config, mode, options or CollectionOptions(), is_local(client))
    return run(client, reported(steps, name, "created", events))


async def acreate_tenant_collection(
    client: AsyncQdrantClient,
    name: str,
    vectors_config: VectorsConfig,
    mode: TenancyMode = TenancyMode.SHARED,
    *,
    options: CollectionOptions | None = None,
    events: EventSink | None = None,
) -> TenantCollection:
    """Create a collection for tenants with an async client, as `create_tenant_collection` does."""
    steps = creating(name, vectors_config, mode, options or CollectionOptions(), is_local(client))
    return await arun(client, reported(steps, name, "created", events))


def check_tenant_collection(
    client: QdrantClient,
    name: str,
    mode: TenancyMode = TenancyMode.SHARED,
    *,
    events: EventSink | None = None,
) -> TenantCollection:
    """Return what an existing collection is, or raise if it is not fit for tenants in this mode."""
    return run(client, reported(checking(name, mode, is_local(client)), name, "accepted", events))


async def acheck_tenant_collection(
    client: AsyncQdrantClient,
    name: str,
    mode: TenancyMode = TenancyMode.SHARED,
    *,
    events: EventSink | None = None,
) -> TenantCollection:
    """Check an existing collection with an async client, as `check_tenant_collection` does."""
    steps = checking(name, mode, is_local(client))
    return await arun(client, reported(steps, name, "accepted", events))
