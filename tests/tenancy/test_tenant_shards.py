"""Promotion of a large tenant: what the server is asked, and when nothing is deleted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.core.errors import StoreError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.collection_names import TenantNames
from ragbastion.tenancy.tenant_shards import TenantShards

from .qdrant_stand_in import stand_in

NAMES = TenantNames(b"k" * 32)
SHARDS = TenantShards(NAMES)
TARGET = NAMES.shard("acme", "docs")
CLUSTER = "/collections/docs/cluster"
COUNT = "/collections/docs/points/count"
OF_ACME = {"must": [{"key": "tenant", "match": {"value": "acme"}}]}
Act = Callable[[str, str], None]


def by_sync(url: str, act: str) -> None:
    """Promote or settle with a sync client."""
    client = QdrantClient(url=url, check_compatibility=False)
    getattr(SHARDS, act)(client, "docs", "acme", events=MemoryEventSink())
    client.close()


def by_async(url: str, act: str) -> None:
    """Promote or settle with an async client."""

    async def done() -> None:
        client = AsyncQdrantClient(url=url, check_compatibility=False)
        try:
            await getattr(SHARDS, f"a{act}")(client, "docs", "acme", events=MemoryEventSink())
        finally:
            await client.close()

    asyncio.run(done())


@pytest.fixture(params=[by_sync, by_async])
def perform(request: pytest.FixtureRequest) -> Act:
    """Return what promotes and settles, with each kind of client."""
    chosen: Act = request.param
    return chosen


def cluster(state: str = "Active", key: str = TARGET, transfers: int = 0) -> dict[str, Any]:
    """Return what a server tells of its shards."""
    shard = {"shard_id": 1, "shard_key": key, "points_count": 3, "state": state}
    transfer = {"shard_id": 1, "from": 1, "to": 1, "sync": True}
    return {
        "peer_id": 1,
        "shard_count": 1,
        "local_shards": [shard],
        "remote_shards": [],
        "shard_transfers": [transfer] * transfers,
    }


def test_selector_tells_no_tenant() -> None:
    """A tenant's selector names its own shard by digest, and the shared one as fallback."""
    selector = SHARDS.selector("acme", "docs")
    assert selector == models.ShardKeyWithFallback(target=TARGET, fallback="shared")
    assert "acme" not in TARGET


def test_promotion_starts_a_copy(perform: Act) -> None:
    """The tenant's shard is made in state Partial, and the tenant's points alone are copied."""
    with stand_in({}) as server:
        perform(server.url, "promote")
    assert [body for _, _, body in server.asked] == [
        {"shard_key": TARGET, "initial_state": "Partial"},
        {
            "replicate_points": {
                "filter": OF_ACME,
                "from_shard_key": "shared",
                "to_shard_key": TARGET,
            }
        },
    ]


def test_settling_deletes_the_copied_points(perform: Act) -> None:
    """When the copy is whole, the tenant's points are deleted from the shared shard, no others."""
    answers = {("GET", CLUSTER): cluster(), ("POST", COUNT): {"count": 3}}
    with stand_in(answers) as server:
        perform(server.url, "settle")
    assert server.asked[-1][2] == {"filter": OF_ACME, "shard_key": "shared"}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (cluster(state="Partial"), "still copied"),
        (cluster(transfers=1), "still copied"),
        (cluster(key="another"), "promote first"),
    ],
)
def test_unfinished_promotion_deletes_nothing(
    perform: Act, told: dict[str, Any], reason: str
) -> None:
    """While points are on their way, or none were sent, settling is refused."""
    with stand_in({("GET", CLUSTER): told}) as server, pytest.raises(StoreError, match=reason):
        perform(server.url, "settle")
    assert [path for _, path, _ in server.asked] == [CLUSTER]


def test_empty_shard_is_no_copy(perform: Act) -> None:
    """A shard that is active and holds nothing is not trusted with the tenant's points."""

    def held(body: Any) -> dict[str, int]:
        return {"count": 0 if body["shard_key"] == TARGET else 5}

    answers = {("GET", CLUSTER): cluster(), ("POST", COUNT): held}
    with stand_in(answers) as server, pytest.raises(StoreError, match="holds nothing yet"):
        perform(server.url, "settle")
    assert server.asked[-1][1] == COUNT


@pytest.mark.parametrize("act", ["promote", "settle"])
def test_local_mode_is_refused(act: str) -> None:
    """Local mode has no shards, and says so."""
    with pytest.raises(UsageError, match="local mode has no shards"):
        getattr(SHARDS, act)(QdrantClient(":memory:"), "docs", "acme", events=MemoryEventSink())
