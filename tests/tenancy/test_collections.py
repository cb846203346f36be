"""Collections for tenants: what a server is asked, what is refused, what local mode tells."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.core.errors import (
    CollectionNotFoundError,
    IsolationError,
    RagbastionError,
    StoreError,
    UsageError,
)
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import GuardedQdrantClient, operator_context
from ragbastion.tenancy.collection_names import TenantNames
from ragbastion.tenancy.collections import (
    CollectionOptions,
    TenancyMode,
    TenantCollection,
    TenantSharding,
    acheck_tenant_collection,
    acreate_tenant_collection,
    check_tenant_collection,
    create_tenant_collection,
)

from .qdrant_stand_in import described, stand_in

SIZE = models.VectorParams(size=4, distance=models.Distance.COSINE)
OWN = TenantNames(b"k" * 32).collection("acme", "docs")
IDF = {"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)}
SHARED = TenantCollection(
    name="docs", mode=TenancyMode.SHARED, indexed=None, own_graphs=None, sharded=False
)
Act = Callable[..., Any]


def at(url: str) -> QdrantClient:
    """Return a client of the stand-in."""
    return QdrantClient(url=url, check_compatibility=False)


def made_by_async(url: str, *given: Any, **options: Any) -> TenantCollection:
    """Create with an async client."""

    async def made() -> TenantCollection:
        client = AsyncQdrantClient(url=url, check_compatibility=False)
        try:
            return await acreate_tenant_collection(client, *given, **options)
        finally:
            await client.close()

    return asyncio.run(made())


def made_by_sync(url: str, *given: Any, **options: Any) -> TenantCollection:
    """Create with a sync client."""
    client = at(url)
    try:
        return create_tenant_collection(client, *given, **options)
    finally:
        client.close()


@pytest.fixture(params=[made_by_sync, made_by_async])
def make(request: pytest.FixtureRequest) -> Act:
    """Return what creates a collection at a URL, with each kind of client."""
    made: Act = request.param
    return made


def test_shared_collection_on_a_server(make: Act) -> None:
    """A server is asked for a graph for each tenant and for the tenant's index, in this order."""
    answers = {
        ("GET", "/collections/docs/exists"): {"exists": False},
        ("GET", "/collections/docs"): described(),
    }
    with stand_in(answers) as server:
        found = make(server.url, "docs", SIZE, events=MemoryEventSink())
    bodies = [body for method, _, body in server.asked if method == "PUT"]
    assert bodies[0]["hnsw_config"] == {"m": 0, "payload_m": 16}
    assert bodies[1] == {
        "field_name": "tenant",
        "field_schema": {"type": "keyword", "is_tenant": True},
    }
    assert len(bodies) == 2
    assert (found.indexed, found.own_graphs, found.sharded) == (True, True, False)


def test_labels_are_indexed_without_graphs(make: Act) -> None:
    """Access labels get payload indexes, and no graph of the collection follows them."""
    answers = {
        ("GET", "/collections/docs/exists"): {"exists": False},
        ("GET", "/collections/docs"): described(),
    }
    options = CollectionOptions(access_labels=True)
    with stand_in(answers) as server:
        make(server.url, "docs", SIZE, options=options, events=MemoryEventSink())
    indexed = {
        body["field_name"].removeprefix("_ragbastion_access_"): body["field_schema"]
        for _, path, body in server.asked
        if path.endswith("/index")
    }
    texts = {"type": "keyword", "enable_hnsw": False}
    assert indexed == {
        "tenant": {"type": "keyword", "is_tenant": True},
        **dict.fromkeys(["owner", "users", "groups", "department"], texts),
        "classification": "integer",
        "deleted_at": "float",
    }


def test_sharding_makes_the_shared_shard(make: Act) -> None:
    """With sharding the collection is made for custom shards, and has the fallback at once."""
    answers = {
        ("GET", "/collections/docs/exists"): {"exists": False},
        ("GET", "/collections/docs"): described(params={"sharding_method": "custom"}),
    }
    options = CollectionOptions(sharding=TenantSharding(fallback="small", shards=2))
    with stand_in(answers) as server:
        found = make(server.url, "docs", SIZE, options=options, events=MemoryEventSink())
    puts = [(path, body) for method, path, body in server.asked if method == "PUT"]
    assert puts[0][1]["sharding_method"] == "custom"
    assert puts[-1] == ("/collections/docs/shards", {"shard_key": "small", "shards_number": 2})
    assert found.sharded


def test_own_collection_on_a_server(make: Act) -> None:
    """A tenant's own collection keeps the usual graph and may use the IDF modifier."""
    metadata = {"ragbastion_tenancy": {"mode": "per_tenant"}}
    told = described(params={"sparse_vectors": {"bm25": {"modifier": "idf"}}})
    told["config"]["metadata"] = metadata
    answers = {
        ("GET", f"/collections/{OWN}/exists"): {"exists": False},
        ("GET", f"/collections/{OWN}"): told,
    }
    options = CollectionOptions(sparse_vectors_config=IDF)
    with stand_in(answers) as server:
        make(
            server.url,
            OWN,
            SIZE,
            TenancyMode.PER_TENANT,
            options=options,
            events=MemoryEventSink(),
        )
    created = server.asked[1][2]
    assert "hnsw_config" not in created
    assert created["metadata"] == metadata


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (described(payload_schema={}), "has no keyword index with is_tenant=True"),
        (
            described(payload_schema={"tenant": {"data_type": "keyword", "points": 0}}),
            "has no keyword index with is_tenant=True",
        ),
        (described(params={"vectors": {"size": 8, "distance": "Cosine"}}), "other vectors"),
        (described(params={"vectors": {"size": 4, "distance": "Dot"}}), "other vectors"),
    ],
)
def test_unfit_existing_collection_is_refused(make: Act, told: dict[str, Any], reason: str) -> None:
    """A collection without the tenant's index, or with other vectors, is refused and reported."""
    answers = {
        ("GET", "/collections/docs/exists"): {"exists": True},
        ("GET", "/collections/docs"): told,
    }
    sink = MemoryEventSink()
    with stand_in(answers) as server, pytest.raises(StoreError, match=reason):
        make(server.url, "docs", SIZE, events=sink)
    assert [(event.kind, event.outcome) for event in sink.events] == [
        ("tenancy.collection", "refused")
    ]
    assert {method for method, _, _ in server.asked} == {"GET"}


def test_existing_idf_is_refused_in_shared_collections() -> None:
    """A shared collection that someone made with the IDF modifier is not accepted."""
    told = described(params={"sparse_vectors": {"bm25": {"modifier": "idf"}}})
    with (
        stand_in({("GET", "/collections/docs"): told}) as server,
        pytest.raises(IsolationError, match="over all tenants"),
    ):
        check_tenant_collection(at(server.url), "docs", events=MemoryEventSink())


def test_local_mode_says_what_it_cannot_tell() -> None:
    """On local mode nothing is known of indexes and graphs; creating twice is one collection."""
    client = QdrantClient(":memory:")
    sink = MemoryEventSink()
    made = [create_tenant_collection(client, "docs", SIZE, events=sink) for _ in range(2)]
    assert made == [SHARED, SHARED]
    assert check_tenant_collection(client, "docs", events=sink) == SHARED
    assert [event.outcome for event in sink.events] == ["created", "created", "accepted"]


def test_async_local_mode_agrees() -> None:
    """The async functions give what the sync ones give."""

    async def made() -> list[TenantCollection]:
        client = AsyncQdrantClient(":memory:")
        first = await acreate_tenant_collection(client, "docs", SIZE, events=MemoryEventSink())
        return [first, await acheck_tenant_collection(client, "docs", events=MemoryEventSink())]

    assert asyncio.run(made()) == [SHARED, SHARED]


@pytest.mark.parametrize(
    ("name", "mode", "options", "error"),
    [
        ("docs", TenancyMode.SHARED, CollectionOptions(sparse_vectors_config=IDF), IsolationError),
        ("docs", TenancyMode.SHARED, CollectionOptions(sharding=TenantSharding()), UsageError),
        (OWN, TenancyMode.PER_TENANT, CollectionOptions(sharding=TenantSharding()), UsageError),
        (OWN, TenancyMode.SHARED, CollectionOptions(), UsageError),
        ("acme-docs", TenancyMode.PER_TENANT, CollectionOptions(), UsageError),
        ("docs", "shared", CollectionOptions(), UsageError),
        ("a/b", TenancyMode.SHARED, CollectionOptions(), UsageError),
        ("x" * 10_000, TenancyMode.SHARED, CollectionOptions(), UsageError),
        (7, TenancyMode.SHARED, CollectionOptions(), UsageError),
        ("docs", TenancyMode.SHARED, CollectionOptions(extra={"hnsw_config": None}), UsageError),
        (
            "docs",
            TenancyMode.SHARED,
            CollectionOptions(extra={"sharding_method": "custom"}),
            UsageError,
        ),
    ],
)
def test_unfit_options_are_refused(
    name: str, mode: TenancyMode, options: CollectionOptions, error: type[RagbastionError]
) -> None:
    """What the mode, the name or local mode does not allow raises before anything is made."""
    client = QdrantClient(":memory:")
    sink = MemoryEventSink()
    with pytest.raises(error):
        create_tenant_collection(client, name, SIZE, mode, options=options, events=sink)
    assert client.get_collections().collections == []
    assert [event.outcome for event in sink.events] == ["refused"]


def test_missing_collection_is_told() -> None:
    """Checking what does not exist is its own error."""
    with pytest.raises(CollectionNotFoundError):
        check_tenant_collection(QdrantClient(":memory:"), "docs", events=MemoryEventSink())


def test_a_collection_of_another_mode_is_refused() -> None:
    """A name of one tenant that somebody else filled is not taken for its collection."""
    client = QdrantClient(":memory:")
    client.create_collection(OWN, vectors_config=SIZE)
    with pytest.raises(StoreError, match="not made for one tenant"):
        check_tenant_collection(client, OWN, TenancyMode.PER_TENANT, events=MemoryEventSink())


def test_metadata_of_the_caller_is_kept() -> None:
    """Collection metadata of the caller stays beside this package's."""
    client = QdrantClient(":memory:")
    options = CollectionOptions(extra={"metadata": {"team": "search"}})
    create_tenant_collection(client, "docs", SIZE, options=options, events=MemoryEventSink())
    assert client.get_collection("docs").config.metadata == {
        "team": "search",
        "ragbastion_tenancy": {"mode": "shared"},
    }


def test_a_guarded_client_is_no_administrators() -> None:
    """Collections belong to all tenants; the error says what is needed instead."""
    guarded = GuardedQdrantClient(
        QdrantClient(":memory:"), operator_context(tenant="acme", principal="app")
    )
    with pytest.raises(UsageError, match="administrator's own Qdrant client"):
        create_tenant_collection(guarded, "docs", SIZE)  # type: ignore[arg-type]
