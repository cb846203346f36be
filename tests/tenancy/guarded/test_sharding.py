"""Every call of a guarded client names the tenant's shard, and none that a caller chose."""

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.core.errors import IsolationError
from ragbastion.tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient, TenantNames
from ragbastion.tenancy.client_calls import call
from ragbastion.tenancy.guarded.sharding import placed
from ragbastion.tenancy.tenant_shards import TenantShards

from .recording import ASKED, RecordingAsyncClient, RecordingClient

SHARDS = TenantShards(TenantNames(b"k" * 32))
WHOLE = {"collection_exists", "get_collection"}
CHOSEN: dict[str, Any] = {"points": [1, 2]}
POINT = models.PointStruct(id=1, vector={"dense": [1.0, 0, 0, 0]})
SET = models.SetPayload(payload={"topic": "x"}, points=[1])
OPERATIONS = [
    models.UpsertOperation(upsert=models.PointsList(points=[POINT])),
    models.DeleteOperation(delete=models.PointIdsList(points=[2])),
    models.SetPayloadOperation(set_payload=SET),
    models.OverwritePayloadOperation(overwrite_payload=SET),
    models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["n"], points=[1])),
    models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[1])),
]
CALLS: dict[str, dict[str, Any]] = {
    "query_points": {"query": 1, "using": "dense"},
    "query_points_groups": {"group_by": "topic", "query": [1.0, 0, 0, 0], "using": "dense"},
    "query_batch_points": {"requests": [models.QueryRequest(query=[1.0, 0, 0, 0], using="dense")]},
    "retrieve": {"ids": [1]},
    "scroll": {},
    "count": {},
    "facet": {"key": "topic"},
    "search_matrix_pairs": {"using": "dense"},
    "search_matrix_offsets": {"using": "dense"},
    "upsert": {"points": [POINT]},
    "upload_points": {"points": [POINT]},
    "upload_collection": {"vectors": [{"dense": [1.0, 0.0, 0.0, 0.0]}], "ids": [3]},
    "delete": {"points_selector": [5]},
    "set_payload": {"payload": {"topic": "x"}, **CHOSEN},
    "overwrite_payload": {"payload": {"topic": "x"}, **CHOSEN},
    "delete_payload": {"keys": ["topic"], **CHOSEN},
    "clear_payload": {"points_selector": [1]},
    "update_vectors": {"points": [models.PointVectors(id=1, vector={"dense": [1.0, 0, 0, 0]})]},
    "delete_vectors": {"vectors": ["words"], **CHOSEN},
    "batch_update_points": {"update_operations": OPERATIONS},
    "collection_exists": {},
    "get_collection": {},
}


def asked_by(kind: str, world: SimpleNamespace, method: str, shards: Any) -> list[Any]:
    """Return the calls that a guarded client made for one call of the method."""
    wraps: Any = {"sync": GuardedQdrantClient, "async": AsyncGuardedQdrantClient}[kind]
    client: Any = {"sync": RecordingClient, "async": RecordingAsyncClient}[kind](":memory:")
    client._client.collections = world.filled()._client.collections
    client.asked = []
    guarded = wraps(client, world.context("acme"), shards=shards)
    answer = getattr(guarded, method)(world.DOCS, **CALLS[method])
    if inspect.iscoroutine(answer):
        asyncio.run(answer)
    return list(client.asked)


def keys_of(asked: tuple[str, tuple[Any, ...], dict[str, Any]]) -> list[Any]:
    """Return the shard keys that a call carries: its own, or each of a batch's."""
    method, args, kwargs = asked
    if method not in {"query_batch_points", "batch_update_points"}:
        return [kwargs.get("shard_key_selector")]
    parts = args[1]
    inner = [each if hasattr(each, "shard_key") else next(iter(each))[1] for each in parts]
    return [each.shard_key for each in inner]


def test_each_method_is_tried() -> None:
    """A method that is added to the table needs a call here."""
    assert set(CALLS) == ASKED


@pytest.mark.parametrize("method", sorted(set(CALLS) - WHOLE))
def test_each_call_names_the_tenants_shard(kind: str, world: SimpleNamespace, method: str) -> None:
    """Look-ups before a call and each member of a batch as well."""
    asked = asked_by(kind, world, method, SHARDS)
    keys = [key for each in asked if each[0] not in WHOLE for key in keys_of(each)]
    assert keys
    assert set(map(repr, keys)) == {repr(SHARDS.selector("acme", world.DOCS))}


@pytest.mark.parametrize("method", sorted(CALLS))
def test_a_collection_without_shards_of_tenants_gets_no_key(
    kind: str, world: SimpleNamespace, method: str
) -> None:
    """A server refuses a shard key where sharding is its own."""
    automatic = SimpleNamespace(selector=lambda tenant, collection: None)
    asked = asked_by(kind, world, method, automatic)
    assert {repr(key) for each in asked for key in keys_of(each)} == {"None"}


def test_a_callers_shard_is_refused_all_the_same(world: SimpleNamespace) -> None:
    """The guard chooses, whatever it chooses."""
    guarded = GuardedQdrantClient(world.filled(), world.context("acme"), shards=SHARDS)
    with pytest.raises(IsolationError, match="shard keys are refused"):
        guarded.count(world.DOCS, shard_key_selector="globex")


def test_a_call_that_is_not_known_is_refused() -> None:
    """It might reach every shard, or the wrong one."""
    with pytest.raises(IsolationError, match="how it chooses a shard"):
        placed(SHARDS, "acme", call("create_snapshot", "docs"))


@pytest.mark.parametrize("client", [QdrantClient, AsyncQdrantClient])
def test_the_client_takes_a_selector_wherever_one_is_set(client: Any) -> None:
    """Local mode would swallow an argument that a server's client has no name for."""
    for method in set(CALLS) - WHOLE - {"query_batch_points", "batch_update_points"}:
        assert "shard_key_selector" in inspect.signature(getattr(client, method)).parameters
