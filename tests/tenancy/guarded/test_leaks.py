"""Ways around a tenant filter, each tried through the method that it uses."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import IsolationError, StoreError, UsageError
from ragbastion.tenancy.point_identity import namespaced_id

QUERY = [1.0, 0.5, 0.5, 0.0]
TENANT = models.FieldCondition(key="tenant", match=models.MatchAny(any=["acme", "globex"]))
FOREIGN = models.Filter(must=[TENANT])
SPARSE = models.SparseVector(indices=[0], values=[1.0])
LOOKUP = models.LookupLocation(collection="docs")


def stored(tenant: str, id_: int) -> str:
    """Return the id under which a tenant's point is stored."""
    return str(namespaced_id(tenant, id_))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("count", {"count_filter": FOREIGN}),
        ("facet", {"key": "topic", "facet_filter": FOREIGN}),
        ("facet", {"key": "tenant"}),
        ("facet", {"key": '"tenant"'}),
        ("facet", {"key": "_ragbastion_id"}),
        ("query_points_groups", {"group_by": "tenant", "query": QUERY, "using": "dense"}),
        ("query_points_groups", {"group_by": "n", "query_filter": FOREIGN}),
        ("query_points_groups", {"group_by": "n", "query": QUERY, "with_lookup": "docs"}),
        ("query_points_groups", {"group_by": "n", "query": 1, "lookup_from": LOOKUP}),
        ("query_points", {"query": models.OrderByQuery(order_by="tenant")}),
        ("query_points", {"query": QUERY, "prefetch": models.Prefetch(filter=FOREIGN)}),
        ("scroll", {"order_by": "_ragbastion_id"}),
        ("search_matrix_pairs", {"query_filter": FOREIGN}),
        ("search_matrix_offsets", {"query_filter": FOREIGN}),
        ("search_matrix_pairs", {"shard_key_selector": "globex"}),
        ("delete_payload", {"keys": ["tenant"], "points": [1]}),
        ("delete_payload", {"keys": ["n", "_ragbastion_id"], "points": [1]}),
        ("overwrite_payload", {"payload": {"tenant": "globex"}, "points": [1]}),
        ("overwrite_payload", {"payload": {"_ragbastion_id": 9}, "points": FOREIGN}),
        ("clear_payload", {"points_selector": FOREIGN}),
        ("clear_payload", {"points_selector": models.PointIdsList(points=[1], shard_key="b")}),
        ("delete_vectors", {"vectors": ["dense"], "points": FOREIGN}),
        ("update_vectors", {"points": [models.PointVectors(id=1, vector={"dense": QUERY})],
                            "update_filter": FOREIGN}),
        ("upsert", {"points": [models.PointStruct(id=1, vector={})], "update_filter": FOREIGN}),
        ("upload_points", {"points": [], "update_filter": FOREIGN}),
        ("upload_points", {"points": [{"id": 1, "vector": {}}]}),
        ("upload_collection", {"vectors": [{}], "payload": [{"tenant": "globex"}]}),
    ],
)  # fmt: skip
def test_call_that_names_another_tenant_is_refused(
    world: SimpleNamespace, acme: Any, method: str, arguments: dict[str, Any]
) -> None:
    """It raises, is reported once, and neither tenant's points change."""
    before = world.dump(acme.client, None)
    with pytest.raises(IsolationError):
        acme(method, world.DOCS, **arguments)
    assert [(e.kind, e.detail["method"]) for e in acme.events.events] == [
        ("tenancy.refused", method)
    ]
    assert world.dump(acme.client, None) == before


@pytest.mark.parametrize(
    "operation",
    [
        models.DeleteOperation(delete=models.FilterSelector(filter=FOREIGN)),
        models.SetPayloadOperation(
            set_payload=models.SetPayload(payload={"tenant": "globex"}, points=[1])
        ),
        models.SetPayloadOperation(
            set_payload=models.SetPayload(payload={"a": 1}, points=[1], key="tenant")
        ),
        models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload={"tenant": "globex"}, points=[1])
        ),
        models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload={}, filter=FOREIGN)
        ),
        models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload={})),
        models.DeletePayloadOperation(
            delete_payload=models.DeletePayload(keys=["tenant"], points=[1])
        ),
        models.ClearPayloadOperation(
            clear_payload=models.PointIdsList(points=[1], shard_key="globex")
        ),
        models.UpdateVectorsOperation(
            update_vectors=models.UpdateVectors(
                points=[models.PointVectors(id=1, vector={})], update_filter=FOREIGN
            )
        ),
        models.DeleteVectorsOperation(
            delete_vectors=models.DeleteVectors(vector=["dense"], filter=FOREIGN)
        ),
        models.UpsertOperation(
            upsert=models.PointsList(
                points=[models.PointStruct(id=1, vector={}, payload={"tenant": "globex"})]
            )
        ),
        models.UpsertOperation(upsert=models.PointsList(points=[], shard_key="globex")),
        {"delete": {"points": [1]}},
    ],
)
def test_refused_operation_refuses_the_whole_batch(
    world: SimpleNamespace, acme: Any, operation: Any
) -> None:
    """What stands before it in the batch is not done either."""
    before = world.dump(acme.client, None)
    first = models.DeleteOperation(delete=models.PointIdsList(points=[1]))
    with pytest.raises(IsolationError):
        acme("batch_update_points", world.DOCS, [first, operation])
    assert world.dump(acme.client, None) == before


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("delete", {"points_selector": [9, stored("globex", 9)]}),
        ("set_payload", {"payload": {"topic": "stolen"}, "points": [stored("globex", 9)]}),
        ("overwrite_payload", {"payload": {}, "points": [9, stored("globex", 9)]}),
        ("clear_payload", {"points_selector": [stored("globex", 9)]}),
        ("delete_payload", {"keys": ["topic"], "points": [stored("globex", 9)]}),
        ("delete_vectors", {"vectors": ["dense"], "points": [stored("globex", 9)]}),
        ("update_vectors", {"points": [
            models.PointVectors(id=stored("globex", 9), vector={"dense": QUERY})]}),
    ],
)  # fmt: skip
def test_write_by_a_foreign_id_does_nothing(
    world: SimpleNamespace, acme: Any, method: str, arguments: dict[str, Any]
) -> None:
    """Not even by the stored id; and the answer is that for an id that nobody has."""
    before = world.dump(acme.client, None)
    result = acme(method, world.DOCS, **arguments)
    assert result.status == models.UpdateStatus.COMPLETED
    assert world.dump(acme.client, None) == before


def test_scores_do_not_weigh_words_of_others(world: SimpleNamespace) -> None:
    """What another tenant writes does not move the score of a sparse query."""
    client = world.filled()
    acme, globex = world.guard(client), world.guard(client, "globex")
    before = acme("query_points", world.DOCS, SPARSE, using="words").points
    more = [models.PointStruct(id=n, vector={"words": SPARSE}) for n in range(100, 140)]
    globex("upsert", world.DOCS, more)
    prefetch = models.Prefetch(query=SPARSE, using="words")
    fused = {"query": models.RrfQuery(rrf=models.Rrf()), "prefetch": [prefetch]}
    assert acme("query_points", world.DOCS, SPARSE, using="words").points == before
    assert len(acme("query_points", world.DOCS, **fused).points) == len(before)


@pytest.mark.parametrize("idf", [models.IdfScope.GLOBAL, models.IdfCorpusParams(corpus=FOREIGN)])
def test_words_of_others_cannot_be_asked_for(world: SimpleNamespace, acme: Any, idf: Any) -> None:
    """Neither the global scope nor a corpus that names another tenant passes."""
    params = models.SearchParams(idf=idf)
    with pytest.raises(IsolationError):
        acme("query_points", world.DOCS, SPARSE, using="words", search_params=params)
    prefetch = models.Prefetch(query=SPARSE, using="words", params=params)
    with pytest.raises(IsolationError):
        acme("query_points", world.DOCS, QUERY, using="dense", prefetch=prefetch)


def test_pages_give_each_own_point_once(world: SimpleNamespace, acme: Any) -> None:
    """The offset of a page is the caller's own id of the next point."""
    seen, offset = [], None
    while True:
        page, offset = acme("scroll", world.DOCS, limit=2, offset=offset)
        seen += [record.id for record in page]
        if offset is None:
            break
        assert offset in range(1, 7)
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]


def test_offset_by_a_foreign_id_starts_in_the_own_points(world: SimpleNamespace, acme: Any) -> None:
    """A stored id of another tenant is an offset like any other text: no foreign point follows."""
    page, _ = acme("scroll", world.DOCS, offset=stored("globex", 9), limit=10)
    assert {record.id for record in page} <= set(range(1, 7))


def test_overwritten_and_cleared_points_keep_their_tenant(
    world: SimpleNamespace, acme: Any
) -> None:
    """The tenant's and the id's key are written again, so the points stay in reach."""
    acme("overwrite_payload", world.DOCS, {"a": 1}, models.Filter())
    acme("clear_payload", world.DOCS, [1])
    page, _ = acme("scroll", world.DOCS, limit=10)
    payloads = {record.id: record.payload for record in page}
    assert payloads == {1: {"tenant": "acme"}} | {
        n: {"a": 1, "tenant": "acme"} for n in range(2, 7)
    }


def test_overwrite_reaches_every_page_of_points(world: SimpleNamespace) -> None:
    """More points than are read at once are all overwritten."""
    client = world.filled()
    acme = world.guard(client)
    acme("upload_points", world.DOCS, world.rows(0.0, range(1, 260)))
    acme("overwrite_payload", world.DOCS, {"a": 1}, models.Filter())
    found = acme("facet", world.DOCS, "a")
    assert [(hit.value, hit.count) for hit in found.hits] == [(1, 259)]


READS = [
    ("retrieve", {"ids": [77]}),
    ("scroll", {"limit": 50}),
    ("query_points", {"query": QUERY, "using": "dense", "limit": 50}),
    ("query_batch_points", {"requests": [
        models.QueryRequest(query=QUERY, using="dense", limit=50)]}),
    ("query_points_groups", {"group_by": "n", "query": QUERY, "using": "dense", "limit": 50}),
    ("search_matrix_pairs", {"using": "dense", "sample": 50}),
    ("search_matrix_offsets", {"using": "dense", "sample": 50}),
    ("overwrite_payload", {"payload": {}, "points": models.Filter()}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments"), READS[1:])
def test_foreign_point_from_the_store_is_withheld(
    world: SimpleNamespace, acme: Any, method: str, arguments: dict[str, Any]
) -> None:
    """A point labelled by hand stops the call; its id is told to the audit alone."""
    planted = models.PointStruct(
        id=stored("globex", 77), vector={"dense": QUERY}, payload={"tenant": "acme", "n": 1}
    )
    acme.client.upsert(world.DOCS, [planted])
    with pytest.raises(IsolationError, match="withheld") as withheld:
        acme(method, world.DOCS, **arguments)
    assert str(planted.id) not in str(withheld.value)
    (event,) = acme.events.events
    assert (event.kind, event.outcome) == ("tenancy.withheld", "withheld")
    assert event.detail["point"] == planted.id


def test_errors_do_not_tell_a_foreign_id_from_a_missing_one(
    world: SimpleNamespace, acme: Any
) -> None:
    """Kind and text of the error are the same but for the id that the caller named."""
    for form in (
        lambda id_: {"query": id_, "using": "dense"},
        lambda id_: {"query": models.NearestQuery(nearest=id_), "using": "dense"},
        lambda id_: {"query": QUERY, "prefetch": models.Prefetch(query=id_, using="dense")},
    ):
        told = set()
        for id_ in (9, 12345):
            with pytest.raises(UsageError) as refused:
                acme("query_points", world.DOCS, **form(id_))
            told.add(str(refused.value).replace(f"'{id_}'", "ID"))
        assert len(told) == 1


def test_wrong_dimension_tells_no_totals(world: SimpleNamespace, acme: Any) -> None:
    """Local mode's own error names the number of all rows."""
    with pytest.raises(StoreError) as refused:
        acme("query_points", world.DOCS, [1.0], using="dense")
    assert "15" not in str(refused.value)


def test_collection_is_described_without_others(world: SimpleNamespace, acme: Any) -> None:
    """Counts are the tenant's; schema, segments and metadata are left out."""
    info = acme("get_collection", world.DOCS)
    assert (info.points_count, info.payload_schema, info.segments_count) == (6, {}, 0)
    assert info.config.params.vectors["dense"].size == 4


@pytest.mark.parametrize(
    "query",
    [
        models.TextQuery(text="secret"),
        {"nearest": 1},
        [[models.Document(text="a", model="b")]],
        ["6a7f0c3e-0000-4000-8000-000000000001"],
        True,
        np.array(7),
        np.array(stored("globex", 9)),
        np.array([stored("globex", 9)], dtype=object),
        models.NearestQuery.model_construct(nearest=np.array(stored("globex", 9))),
        models.OrderByQuery.model_construct(order_by=3),
        models.RelevanceFeedbackQuery(
            relevance_feedback=models.RelevanceFeedbackInput.model_construct(
                target=QUERY, feedback=[], strategy="other"
            )
        ),
    ],
)
def test_query_of_unknown_form_is_refused(world: SimpleNamespace, acme: Any, query: Any) -> None:
    """What the guard does not read does not reach the engine."""
    with pytest.raises(IsolationError):
        acme("query_points", world.DOCS, query, using="dense")


@pytest.mark.parametrize(
    "name",
    [
        "docs/points/delete?a=",
        "..",
        "docs/../other",
        "a#b",
        "%2e%2e",
        "a\nb",
        "",
        "x" * 300,
        None,
        5,
    ],
)
def test_collection_that_could_be_another_path_is_refused(acme: Any, name: Any) -> None:
    """A name ends up in the path of a request; it cannot end the part that names it."""
    for method in ("count", "collection_exists", "get_collection"):
        with pytest.raises(IsolationError, match="collection refused"):
            acme(method, name)


def test_unknown_arguments_are_refused(world: SimpleNamespace, acme: Any) -> None:
    """The plain client asserts that there are none; so does this one, with its own error."""
    with pytest.raises(UsageError, match="count refused"):
        acme("count", world.DOCS, tenant="globex")


def test_streams_of_points_are_stamped_as_they_pass(world: SimpleNamespace, acme: Any) -> None:
    """A generator is not read twice, and a foreign point in it ends the upload."""
    points = (
        models.PointStruct(id=n, vector={}, payload={"tenant": "acme" if n < 99 else "globex"})
        for n in (97, 98, 99)
    )
    with pytest.raises(IsolationError, match="another tenant"):
        acme("upload_points", world.DOCS, points, batch_size=1)
    assert world.dump(acme.client, "globex") == world.dump(world.filled(), "globex")


@pytest.mark.parametrize(
    "columns",
    [
        {"vectors": [{}, {}], "ids": [1]},
        {"vectors": [{}, {}], "payload": [{}]},
        {"vectors": {"dense": [[1.0, 0.0, 0.0, 0.0]]}},
        {"vectors": [{}], "batch_size": 0},
    ],
)
def test_columns_that_do_not_fit_are_refused(
    world: SimpleNamespace, acme: Any, columns: dict[str, Any]
) -> None:
    """Too few ids or payloads, named vectors that are no arrays, and an empty batch."""
    with pytest.raises(UsageError, match="upload refused"):
        acme("upload_collection", world.DOCS, **columns)


def test_plain_client_would_leak(world: SimpleNamespace) -> None:
    """The attacks above do reach other tenants without the guard: the tests can fail."""
    client: QdrantClient = world.filled()
    assert client.count(world.DOCS, FOREIGN).count == 15
    assert len(client.facet(world.DOCS, "tenant").hits) == 2
