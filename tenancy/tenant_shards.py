"""Tiered multitenancy: small tenants in one shared shard, a large one promoted to its own.

>>> shards = TenantShards(TenantNames(b"a key of 32 bytes or more, secret"))
>>> shards.selector("acme", "docs").fallback
'shared'

Qdrant takes the selector's target where that shard is there and active, and the fallback until then
(servers from 1.16). Points carry their tenant in both, so isolation never rests on a shard.

Promotion has two acts of an administrator: `promote` starts the copy, and `settle` deletes what was
copied from the shared shard, when the server says that the copy is whole. Local mode has no shards:
every call here is refused there.
"""

from __future__ import annotations

from qdrant_client import AsyncQdrantClient, QdrantClient, models

from ..core.errors import StoreError, UsageError
from ..core.events import EventSink
from .client_calls import Steps, arun, call, is_local, run
from .collection_names import TenantNames
from .collection_steps import reported
from .qdrant_errors import translated
from .tenant_filter import tenant_filter


class TenantShards:
    """Chooses shards of tenants in collections that were made with `TenantSharding`.

    Shard keys are keyed digests: a list of shards does not tell tenants.
    """

    def __init__(self, names: TenantNames, fallback: str = "shared") -> None:
        self._names = names
        self._fallback = fallback

    def selector(self, tenant: str, collection: str) -> models.ShardKeyWithFallback:
        """Return the shard key selector of each read and write of the tenant."""
        target = self._names.shard(tenant, collection)
        return models.ShardKeyWithFallback(target=target, fallback=self._fallback)

    def promote(
        self,
        client: QdrantClient,
        collection: str,
        tenant: str,
        *,
        shards: int | None = None,
        events: EventSink | None = None,
    ) -> None:
        """Give the tenant a shard of its own and start to copy its points; reads go on.

        ``shards``: how many, None for the server's default. Raises `UsageError` on local mode.
        """
        run(client, self._promotion(collection, tenant, shards, is_local(client), events))

    async def apromote(
        self,
        client: AsyncQdrantClient,
        collection: str,
        tenant: str,
        *,
        shards: int | None = None,
        events: EventSink | None = None,
    ) -> None:
        """Promote with an async client, as `promote` does."""
        await arun(client, self._promotion(collection, tenant, shards, is_local(client), events))

    def settle(
        self, client: QdrantClient, collection: str, tenant: str, events: EventSink | None = None
    ) -> None:
        """Delete the tenant's points from the shared shard, now that its own one has them.

        Raises `StoreError` while the copy runs; nothing was deleted then.
        """
        run(client, self._settlement(collection, tenant, is_local(client), events))

    async def asettle(
        self,
        client: AsyncQdrantClient,
        collection: str,
        tenant: str,
        events: EventSink | None = None,
    ) -> None:
        """Settle with an async client, as `settle` does."""
        await arun(client, self._settlement(collection, tenant, is_local(client), events))

    def _promotion(
        self,
        collection: str,
        tenant: str,
        shards: int | None,
        local: bool,
        events: EventSink | None,
    ) -> Steps[None]:
        steps = self._promoting(collection, tenant, shards, local)
        return reported(steps, collection, "promoting", events)

    def _settlement(
        self, collection: str, tenant: str, local: bool, events: EventSink | None
    ) -> Steps[None]:
        return reported(self._settling(collection, tenant, local), collection, "promoted", events)

    def _promoting(
        self, collection: str, tenant: str, shards: int | None, local: bool
    ) -> Steps[None]:
        _refuse_local(local)
        target = self._names.shard(tenant, collection)
        copy = models.ReplicatePoints(
            filter=tenant_filter(tenant), from_shard_key=self._fallback, to_shard_key=target
        )
        with translated(collection):
            # Partial: the fallback serves the tenant until the copy is whole.
            yield call(
                "create_shard_key",
                collection,
                target,
                shards_number=shards,
                initial_state=models.ReplicaState.PARTIAL,
            )
            operation = models.ReplicatePointsOperation(replicate_points=copy)
            yield call("cluster_collection_update", collection, operation)

    def _settling(self, collection: str, tenant: str, local: bool) -> Steps[None]:
        _refuse_local(local)
        target = self._names.shard(tenant, collection)
        owned = tenant_filter(tenant)
        with translated(collection):
            cluster = yield call("collection_cluster_info", collection)
            _refuse_unfinished(cluster, target)
            counts = []
            for shard in (target, self._fallback):
                counted = yield call(
                    "count", collection, count_filter=owned, exact=True, shard_key_selector=shard
                )
                counts.append(counted.count)
            if counts[0] == 0 and counts[1] > 0:
                raise StoreError("promotion not settled: the tenant's own shard holds nothing yet")
            yield call(
                "delete",
                collection,
                models.FilterSelector(filter=owned),
                wait=True,
                shard_key_selector=self._fallback,
            )


def _refuse_unfinished(cluster: models.CollectionClusterInfo, target: str) -> None:
    """Raise unless every shard of the key is active and nothing is on its way."""
    states = [
        *(each.state for each in cluster.local_shards if each.shard_key == target),
        *(each.state for each in cluster.remote_shards if each.shard_key == target),
    ]
    if not states:
        raise StoreError("promotion not settled: the tenant has no shard of its own, promote first")
    unfinished = any(state != models.ReplicaState.ACTIVE for state in states)
    if unfinished or cluster.shard_transfers:
        raise StoreError("promotion not settled: points are still copied, try again later")


def _refuse_local(local: bool) -> None:
    if local:
        raise UsageError("sharding refused: local mode has no shards, use a Qdrant server")
