"""The guarded client does for its tenant what the client does, and nothing for another."""

import copy
import inspect
import time
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import (
    CollectionNotFoundError,
    CredentialError,
    IsolationError,
    StoreError,
    UsageError,
)
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import GuardedQdrantClient, operator_context
from ragbastion.tenancy.guarded_methods import METHODS, OWN_METHODS, Access

DOCS = "docs"
SECRET = [0.1, 0.7, 0.2, 0.6]
ENFORCED = sorted(name for name, access in METHODS.items() if access is Access.ENFORCED)


def guard(client: QdrantClient, tenant: str, **context: object) -> GuardedQdrantClient:
    """Return a guarded client of the tenant."""
    return GuardedQdrantClient(
        client,
        operator_context(tenant=tenant, principal="app", **context),  # type: ignore[arg-type]
        MemoryEventSink(),
    )


def point(id_: int | str, vector: list[float], **payload: object) -> models.PointStruct:
    """Return a point."""
    return models.PointStruct(id=id_, vector=vector, payload=payload)


def field(key: str, value: str) -> models.FieldCondition:
    """Return a condition on a payload key."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


@pytest.fixture
def client() -> QdrantClient:
    """Return a local client with one collection of four dimensions."""
    made = QdrantClient(":memory:")
    size = models.VectorParams(size=4, distance=models.Distance.COSINE)
    made.create_collection(DOCS, vectors_config=size)
    return made


@pytest.fixture
def acme(client: QdrantClient) -> GuardedQdrantClient:
    """Return acme's guard, with points 1, 2 and 3."""
    guarded = guard(client, "acme")
    rows = [
        point(1, [1.0, 0.0, 0.0, 0.0], topic="x", n=1),
        point(2, [0.9, 0.1, 0.0, 0.0], topic="y", n=2),
        point(3, [0.0, 1.0, 0.0, 0.0], topic="x", n=3),
    ]
    guarded.upsert(DOCS, rows)
    return guarded


@pytest.fixture
def globex(client: QdrantClient, acme: GuardedQdrantClient) -> GuardedQdrantClient:
    """Return globex's guard, with point 1 and a secret point 9."""
    guarded = guard(client, "globex")
    guarded.upsert(DOCS, [point(1, [1.0, 0.0, 0.0, 0.0], topic="x"), point(9, SECRET, topic="s")])
    return guarded


def query_ids(response: object) -> list[object]:
    """Return the ids of a query's points."""
    return [hit.id for hit in response.points]  # type: ignore[attr-defined]


def test_table_knows_every_public_name_of_the_client(client: QdrantClient) -> None:
    """A release of qdrant-client that adds or drops a name has to be classified."""
    assert set(METHODS) == {name for name in dir(client) if not name.startswith("_")}


def test_guard_defines_the_enforced_and_the_admin_names() -> None:
    """What the table calls enforced or admin is what the class defines."""
    defined = {name for name in vars(GuardedQdrantClient) if not name.startswith("_")}
    offered = {Access.ENFORCED, Access.ADMIN}
    named = {name for name, access in METHODS.items() if access in offered}
    assert defined == named | set(OWN_METHODS)


def test_own_names_are_none_of_the_client() -> None:
    """A release of qdrant-client that takes one of our names has to be classified."""
    assert not set(OWN_METHODS) & set(METHODS)


@pytest.mark.parametrize("name", ENFORCED)
def test_signatures_are_those_of_the_client(name: str) -> None:
    """Names, order and defaults of parameters match the installed client."""
    ours, theirs = (
        {
            p.name: p.default
            for p in inspect.signature(getattr(owner, name)).parameters.values()
            if p.kind is not inspect.Parameter.VAR_KEYWORD
        }
        for owner in (GuardedQdrantClient, QdrantClient)
    )
    assert list(ours.items()) == list(theirs.items())


@pytest.mark.parametrize("name", [*sorted(set(METHODS) - set(ENFORCED)), "method_of_next_year"])
def test_every_other_name_is_refused(acme: GuardedQdrantClient, name: str) -> None:
    """Administration, raw handles and unknown names raise, and hasattr is false."""
    with pytest.raises(IsolationError, match=f"QdrantClient.{name} is refused"):
        getattr(acme, name)
    assert not hasattr(acme, name)


def test_refusals_are_reported(client: QdrantClient) -> None:
    """Each refusal is one event with tenant, principal and method."""
    events = MemoryEventSink()
    context = operator_context(tenant="acme", principal="app", session="s1")
    guarded = GuardedQdrantClient(client, context, events)
    with pytest.raises(IsolationError):
        guarded.delete_collection(DOCS)
    with pytest.raises(IsolationError):
        guarded.count(DOCS, models.Filter(must=[field("tenant", "globex")]))
    seen = [(e.kind, e.tenant, e.principal, e.session, e.detail["method"]) for e in events.events]
    assert seen == [
        ("tenancy.refused", "acme", "app", "s1", "delete_collection"),
        ("tenancy.refused", "acme", "app", "s1", "count"),
    ]


def test_underlying_client_is_not_an_attribute_of_its_usual_name(
    acme: GuardedQdrantClient,
) -> None:
    """Libraries that probe for `_client` find nothing, and a copy does not recurse."""
    assert getattr(acme, "_client", None) is None
    assert copy.copy(acme).count(DOCS).count == 3


def test_query_returns_own_points_only(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """The same query gives each tenant its own points under its own ids."""
    assert query_ids(acme.query_points(DOCS, [1.0, 0.0, 0.0, 0.0])) == [1, 2, 3]
    assert query_ids(globex.query_points(DOCS, [1.0, 0.0, 0.0, 0.0])) == [1, 9]


def test_query_matches_the_plain_client(client: QdrantClient, acme: GuardedQdrantClient) -> None:
    """Scores, vectors and payloads are those of a plain client on the same points."""
    plain = QdrantClient(":memory:")
    size = models.VectorParams(size=4, distance=models.Distance.COSINE)
    plain.create_collection(DOCS, vectors_config=size)
    plain.upsert(DOCS, [point(1, [1.0, 0.0, 0.0, 0.0], topic="x", n=1, tenant="acme")])
    acme.delete(DOCS, [2, 3])
    query = np.array([0.5, 0.5, 0.0, 0.0])
    expected = plain.query_points(DOCS, query, with_vectors=True)
    assert acme.query_points(DOCS, query, with_vectors=True) == expected


def test_user_filter_narrows(acme: GuardedQdrantClient, globex: GuardedQdrantClient) -> None:
    """A caller's must, should, must_not, min_should and nested filters keep their meaning."""
    x, y = field("topic", "x"), field("topic", "y")
    cases = [
        (models.Filter(must=[x]), 2),
        (models.Filter(must=x), 2),
        (models.Filter(should=[x, y]), 3),
        (models.Filter(must_not=[x]), 1),
        (models.Filter(min_should=models.MinShould(conditions=[x, y], min_count=2)), 0),
        (models.Filter(must=[models.Filter(should=[y])]), 1),
        (models.Filter(must=[]), 3),
        (models.Filter(must=[models.HasIdCondition(has_id=[1, 3, 9])]), 2),
        (models.Filter(must_not=[models.HasIdCondition(has_id=[1])]), 2),
        (models.Filter(must=[models.IsEmptyCondition(is_empty={"key": "missing"})]), 3),
        (models.Filter(must=[models.IsNullCondition(is_null={"key": "topic"})]), 0),
    ]
    for user, expected in cases:
        assert acme.count(DOCS, user).count == expected, user


@pytest.mark.parametrize("key", ["tenant", "_ragbastion_id", '"tenant"', "tenant[]", "tenant.x"])
def test_filters_that_name_the_guards_keys_are_refused(acme: GuardedQdrantClient, key: str) -> None:
    """In any place and any spelling, a filter on the tenant is the guard's alone."""
    inner = models.FieldCondition(key=key, match=models.MatchAny(any=["acme", "globex"]))
    for user in (
        models.Filter(must=[inner]),
        models.Filter(should=inner),
        models.Filter(must_not=[models.Filter(should=[inner])]),
        models.Filter(must=[models.IsEmptyCondition(is_empty={"key": key})]),
        models.Filter(min_should=models.MinShould(conditions=[inner], min_count=1)),
    ):
        for call in (acme.count, acme.scroll, acme.delete):
            with pytest.raises(IsolationError, match="filter refused"):
                call(DOCS, user)
        with pytest.raises(IsolationError, match="filter refused"):
            acme.query_points(DOCS, SECRET, query_filter=user)
    assert acme.count(DOCS).count == 3


def test_odd_filters_are_refused(acme: GuardedQdrantClient) -> None:
    """A dictionary, an unknown condition and an endless nesting are not passed on."""
    with pytest.raises(IsolationError, match="type dict"):
        acme.count(DOCS, {"must": []})  # type: ignore[arg-type]
    deep = models.Filter(must=[field("a", "b")])
    for _ in range(50):
        deep = models.Filter(must=[deep])
    with pytest.raises(IsolationError, match="nested deeper"):
        acme.count(DOCS, deep)


def test_query_by_own_id_works_like_the_client(acme: GuardedQdrantClient) -> None:
    """A query by id finds neighbours and leaves the point itself out."""
    assert query_ids(acme.query_points(DOCS, 1)) == [2, 3]
    nearest = models.NearestQuery(nearest=1)
    assert query_ids(acme.query_points(DOCS, nearest)) == [2, 3]
    recommend = models.RecommendQuery(recommend=models.RecommendInput(positive=[1], negative=[3]))
    assert query_ids(acme.query_points(DOCS, recommend)) == [2]
    pair = models.ContextPair(positive=1, negative=3)
    assert query_ids(acme.query_points(DOCS, models.ContextQuery(context=pair))) == [2]
    discover = models.DiscoverInput(target=2, context=[pair])
    assert query_ids(acme.query_points(DOCS, models.DiscoverQuery(discover=discover))) == []


def test_foreign_and_missing_ids_look_alike(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """A query by an id of another tenant says what one by no tenant's id says, in every form."""
    for id_ in (9, 12345):
        pair = models.ContextPair(positive=id_, negative=1)
        for query in (
            id_,
            models.NearestQuery(nearest=id_),
            models.RecommendQuery(recommend=models.RecommendInput(positive=[1], negative=[id_])),
            models.ContextQuery(context=[pair]),
            models.DiscoverQuery(discover=models.DiscoverInput(target=1, context=pair)),
        ):
            with pytest.raises(UsageError, match=f"'{id_}' cannot be queried by"):
                acme.query_points(DOCS, query)
            prefetch = models.Prefetch(query=query, limit=5)
            with pytest.raises(UsageError, match=f"'{id_}' cannot be queried by"):
                acme.query_points(DOCS, [1.0, 0.0, 0.0, 0.0], prefetch=prefetch)


def test_stored_id_of_a_foreign_point_is_no_use(
    client: QdrantClient, acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """Who learns the id under which a foreign point is stored still cannot name it."""
    stored = [record.id for record in client.scroll(DOCS, limit=100)[0]]
    own = {1: "acme", 2: "acme", 3: "acme"}
    for id_ in stored:
        assert acme.retrieve(DOCS, [id_]) == []
        acme.delete(DOCS, [id_])
        acme.set_payload(DOCS, {"stolen": True}, [id_])
        with pytest.raises(UsageError):
            acme.query_points(DOCS, id_)
    assert {r.id: r.payload["tenant"] for r in acme.scroll(DOCS)[0]} == own  # type: ignore[index]
    assert [r.payload for r in globex.retrieve(DOCS, [9])] == [{"topic": "s", "tenant": "globex"}]


def test_prefetch_is_confined_at_every_depth(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """A prefetch without a filter, inside another, still finds own points only."""
    inner = models.Prefetch(query=SECRET, limit=10)
    outer = models.Prefetch(prefetch=[inner, inner], query=SECRET, limit=10)
    fused = acme.query_points(
        DOCS, models.FusionQuery(fusion=models.Fusion.RRF), prefetch=[outer, inner]
    )
    assert sorted(query_ids(fused)) == [1, 2, 3]  # type: ignore[type-var]


@pytest.mark.parametrize(
    "query",
    [
        None,
        models.OrderByQuery(order_by="n"),
        models.SampleQuery(sample=models.Sample.RANDOM),
    ],
)
def test_queries_without_a_vector_are_confined(
    client: QdrantClient, acme: GuardedQdrantClient, globex: GuardedQdrantClient, query: object
) -> None:
    """Scrolling, ordering and sampling through query_points return own points only."""
    found = query_ids(acme.query_points(DOCS, query, limit=100))
    assert sorted(found) == [1, 2, 3]  # type: ignore[type-var]


def test_unlisted_queries_are_refused(acme: GuardedQdrantClient) -> None:
    """Text ranking, lookups in other collections, shard keys and unknown types do not pass."""
    location = models.LookupLocation(collection="other")
    with pytest.raises(IsolationError, match="text query"):
        acme.query_points(DOCS, models.TextQuery(text="secret"))
    with pytest.raises(IsolationError, match="lookup_from"):
        acme.query_points(DOCS, 1, lookup_from=location)  # type: ignore[arg-type]
    prefetch = models.Prefetch(query=1, lookup_from=location)
    with pytest.raises(IsolationError, match="lookup_from"):
        acme.query_points(DOCS, SECRET, prefetch=prefetch)
    with pytest.raises(IsolationError, match="shard keys"):
        acme.query_points(DOCS, SECRET, shard_key_selector="globex")  # type: ignore[arg-type]
    with pytest.raises(IsolationError, match="type object"):
        acme.query_points(DOCS, object())


def test_each_request_of_a_batch_is_confined(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """An unfiltered request beside a filtered one returns own points only."""
    requests = [
        models.QueryRequest(query=SECRET, limit=9, with_payload=True),
        models.QueryRequest(query=1, filter=models.Filter(must=[field("topic", "x")])),
    ]
    first, second = acme.query_batch_points(DOCS, requests)
    assert query_ids(first) == [3, 2, 1]
    assert first.points[0].payload == {"topic": "x", "n": 3, "tenant": "acme"}
    assert (query_ids(second), second.points[0].payload) == ([3], None)
    with pytest.raises(IsolationError, match="shard keys"):
        acme.query_batch_points(DOCS, [models.QueryRequest(query=SECRET, shard_key="globex")])


def test_retrieve_keeps_order_and_types(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """Integer and UUID ids come back as given, foreign and unknown ones not at all."""
    name = "6a7f0c3e-0000-4000-8000-000000000001"
    acme.upsert(DOCS, [point(name, [0.0, 0.0, 1.0, 0.0])])
    found = acme.retrieve(DOCS, [3, 9, UUID(name), 1, 3])
    assert [record.id for record in found] == [3, name, 1]


@pytest.mark.parametrize("id_", [-1, True, 1.5, None, "seven", 2**64, b"x"])
def test_odd_ids_are_refused(acme: GuardedQdrantClient, id_: object) -> None:
    """Only unsigned integers and UUIDs are ids."""
    with pytest.raises(UsageError, match="point id refused"):
        acme.retrieve(DOCS, [id_])
    with pytest.raises(UsageError, match="point id refused"):
        acme.delete(DOCS, [id_])


def test_scroll_pages_through_own_points(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """Pages of two yield each own point once, with offsets that are own ids."""
    seen: list[object] = []
    offset = None
    for _ in range(3):
        page, offset = acme.scroll(DOCS, limit=2, offset=offset)
        seen += [record.id for record in page]
        if offset is None:
            break
        assert offset in {1, 2, 3}
    assert (sorted(seen), offset) == ([1, 2, 3], None)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (True, {"topic": "x", "n": 1, "tenant": "acme"}),
        (False, None),
        (["topic"], {"topic": "x"}),
        (["topic", "tenant", "_ragbastion_id"], {"topic": "x", "tenant": "acme"}),
        (models.PayloadSelectorInclude(include=["n"]), {"n": 1}),
        (models.PayloadSelectorExclude(exclude=["n"]), {"topic": "x", "tenant": "acme"}),
        (
            models.PayloadSelectorExclude(exclude=["tenant", "_ragbastion_id"]),
            {"topic": "x", "n": 1},
        ),
    ],
)
def test_payload_selectors_keep_their_meaning(
    acme: GuardedQdrantClient, chosen: object, shown: object
) -> None:
    """What the guard reads to check a point is not shown unless it was asked for."""
    (record,) = acme.retrieve(DOCS, [1], with_payload=chosen)
    assert record.payload == shown
    assert (
        acme.query_points(DOCS, [1.0, 0.0, 0.0, 0.0], with_payload=chosen).points[0].payload
        == shown
    )


def test_upsert_cannot_plant_points_in_another_tenant(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """A payload that names another tenant, several, or the reserved key is refused."""
    for payload in (
        {"tenant": "globex"},
        {"tenant": ["acme", "globex"]},
        {"tenant": None},
        {"_ragbastion_id": 9},
    ):
        with pytest.raises(IsolationError, match="refused"):
            acme.upsert(DOCS, [point(1, SECRET), point(9, SECRET, **payload)])
    assert acme.retrieve(DOCS, [9]) == []
    assert globex.count(DOCS).count == 2


def test_upsert_under_a_foreign_id_makes_an_own_point(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """Writing point 9 leaves the other tenant's point 9 as it was."""
    acme.upsert(DOCS, [point(9, [1.0, 0.0, 0.0, 0.0], topic="mine")])
    (theirs,) = globex.retrieve(DOCS, [9], with_vectors=True)
    assert theirs.payload == {"topic": "s", "tenant": "globex"}
    np.testing.assert_allclose(theirs.vector, np.array(SECRET) / np.linalg.norm(SECRET), atol=1e-6)


def test_upsert_takes_batches(acme: GuardedQdrantClient) -> None:
    """A models.Batch is stamped like a list of points."""
    batch = models.Batch(ids=[7, 8], vectors=[SECRET, SECRET], payloads=[{"k": 7}, {"k": 8}])
    acme.upsert(DOCS, batch)
    assert [r.payload for r in acme.retrieve(DOCS, [8, 7])] == [
        {"k": 8, "tenant": "acme"},
        {"k": 7, "tenant": "acme"},
    ]
    with pytest.raises(UsageError, match="differ in number"):
        acme.upsert(DOCS, models.Batch(ids=[1, 2], vectors=[SECRET]))


def test_named_vectors_are_queried_by_id(client: QdrantClient) -> None:
    """With named vectors, a batch and a query by id use the vector that is named."""
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("named", vectors_config={"a": size, "b": size})
    acme = guard(client, "acme")
    vectors = {"a": [[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]], "b": [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]}
    acme.upsert("named", models.Batch(ids=[1, 2, 3], vectors=vectors))
    assert query_ids(acme.query_points("named", 1, using="a")) == [3, 2]
    assert query_ids(acme.query_points("named", 1, using="b")) == [2, 3]
    with pytest.raises(UsageError, match="cannot be queried by"):
        acme.query_points("named", 1, using="c")


def test_update_filter_of_the_caller_is_kept(acme: GuardedQdrantClient) -> None:
    """An update filter narrows what an upsert overwrites."""
    only_y = models.Filter(must=[field("topic", "y")])
    rows = [point(1, SECRET, new=1), point(2, SECRET, new=1)]
    acme.upsert(DOCS, rows, update_filter=only_y)
    assert [r.payload.get("new") for r in acme.retrieve(DOCS, [1, 2])] == [None, 1]  # type: ignore[union-attr]


def test_upload_points_writes_every_batch(acme: GuardedQdrantClient) -> None:
    """An iterator of points larger than the batch is written whole."""
    acme.upload_points(DOCS, (point(i, SECRET) for i in range(10, 20)), batch_size=3, wait=True)
    assert acme.count(DOCS).count == 13
    with pytest.raises(UsageError, match="batch_size"):
        acme.upload_points(DOCS, [], batch_size=0)


@pytest.mark.parametrize(
    "chosen",
    [
        [9],
        (9,),
        models.PointIdsList(points=[9]),
        models.Filter(must=[models.HasIdCondition(has_id=[9])]),
        models.Filter(must=[field("topic", "s")]),
        models.FilterSelector(filter=models.Filter(should=[field("topic", "s")])),
    ],
)
def test_writes_by_any_selector_stay_inside_the_tenant(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient, chosen: object
) -> None:
    """Deleting or changing by ids or filters that fit foreign points changes none of them."""
    acme.set_payload(DOCS, {"topic": "stolen"}, chosen)
    acme.delete(DOCS, chosen)
    assert [r.payload for r in globex.retrieve(DOCS, [9])] == [{"topic": "s", "tenant": "globex"}]
    assert (acme.count(DOCS).count, globex.count(DOCS).count) == (3, 2)


def test_delete_and_set_payload_work_on_own_points(acme: GuardedQdrantClient) -> None:
    """The same calls do change the tenant's own points."""
    acme.set_payload(DOCS, {"k": {"a": 1}}, [1, 2])
    acme.set_payload(DOCS, {"b": 2}, models.Filter(must=[field("topic", "y")]), key="k")
    assert [r.payload["k"] for r in acme.retrieve(DOCS, [1, 2])] == [{"a": 1}, {"a": 1, "b": 2}]  # type: ignore[index]
    acme.delete(DOCS, models.Filter(must=[field("topic", "x")]))
    assert [r.id for r in acme.scroll(DOCS)[0]] == [2]


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"tenant": "globex"}, None),
        ({"tenant": "acme"}, None),
        ({"_ragbastion_id": 5}, None),
        ({"x": 1}, "tenant"),
        ({"x": 1}, "_ragbastion_id.x"),
        ({"x": 1}, ""),
    ],
)
def test_the_guards_keys_cannot_be_set(
    acme: GuardedQdrantClient, payload: dict[str, object], key: str | None
) -> None:
    """Neither directly nor through `key=`."""
    with pytest.raises(IsolationError, match="cannot be changed"):
        acme.set_payload(DOCS, payload, [1], key=key)


@pytest.mark.parametrize("chosen", [None, 9, "9", {"points": [9]}, object()])
def test_odd_selectors_are_refused(acme: GuardedQdrantClient, chosen: object) -> None:
    """A selector that the guard cannot read is not passed on."""
    with pytest.raises(IsolationError, match="points selector"):
        acme.delete(DOCS, chosen)


def test_foreign_points_from_the_store_are_withheld(
    client: QdrantClient, acme: GuardedQdrantClient
) -> None:
    """A point that somebody labelled as the tenant's by hand stops the call and is reported."""
    raw = point(77, SECRET, tenant="acme", text="planted")
    client.upsert(DOCS, [raw])
    for call in (
        lambda: acme.query_points(DOCS, SECRET),
        lambda: acme.query_batch_points(DOCS, [models.QueryRequest(query=SECRET)]),
        lambda: acme.scroll(DOCS),
    ):
        with pytest.raises(IsolationError, match="withheld"):
            call()
    assert acme.retrieve(DOCS, [77]) == []


def test_get_collection_tells_nothing_of_others(
    acme: GuardedQdrantClient, globex: GuardedQdrantClient
) -> None:
    """Counts are the tenant's, and configuration is there for libraries that read it."""
    info = acme.get_collection(DOCS)
    assert (info.points_count, info.indexed_vectors_count, info.payload_schema) == (3, None, {})
    assert info.config.params.vectors.size == 4  # type: ignore[union-attr]
    assert (acme.collection_exists(DOCS), acme.collection_exists("none")) == (True, False)


def test_errors_of_the_client_are_translated(acme: GuardedQdrantClient) -> None:
    """A wrong dimension or collection is our error and does not quote the store."""
    with pytest.raises(StoreError, match="cannot serve the call") as refused:
        acme.query_points(DOCS, [1.0, 0.0])
    assert "shape" not in str(refused.value)
    with pytest.raises(CollectionNotFoundError, match="'none'"):
        acme.count("none")


def test_closed_guard_leaves_the_client_open(
    client: QdrantClient, acme: GuardedQdrantClient
) -> None:
    """Closing ends this guard only."""
    acme.close()
    with pytest.raises(StoreError, match="closed"):
        acme.count(DOCS)
    assert client.count(DOCS).count == 3


def test_expired_context_is_refused(client: QdrantClient) -> None:
    """Every method asks whether the context has expired."""
    expired = guard(client, "acme", expires_at=time.time() - 1)
    for call in (
        lambda: expired.count(DOCS),
        lambda: expired.query_points(DOCS, SECRET),
        lambda: expired.upsert(DOCS, [point(1, SECRET)]),
        lambda: expired.get_collection(DOCS),
    ):
        with pytest.raises(CredentialError, match="expired"):
            call()


def test_guard_needs_a_context(client: QdrantClient) -> None:
    """Nothing but a TenantContext makes a guarded client."""
    with pytest.raises(IsolationError, match="TenantContext"):
        GuardedQdrantClient(client, "acme")  # type: ignore[arg-type]
