"""Each enforced method gives a tenant what the plain client gives on its data alone."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from ragbastion.tenancy.guarded_methods import METHODS, Access

QUERY = [1.0, 0.5, 0.5, 0.0]
SPARSE = models.SparseVector(indices=[0, 1], values=[1.0, 2.0])
X = models.FieldCondition(key="topic", match=models.MatchValue(value="x"))
ONLY_X = models.Filter(must=[X])
SOME = models.Filter(should=[X, models.HasIdCondition(has_id=[2, 9])])
PAIR = models.ContextPair(positive=1, negative=QUERY)
DENSE = models.Prefetch(query=QUERY, using="dense", limit=4)
WORDS = models.Prefetch(query=SPARSE, using="words", limit=4, filter=ONLY_X)
NESTED = models.Prefetch(prefetch=[DENSE, WORDS], query=1, using="dense", limit=3)
FORMULA = models.FormulaQuery(
    formula=models.SumExpression(
        sum=["$score", models.MultExpression(mult=[0.5, X]), models.DivExpression(
            div=models.DivParams(left="n", right="gone", by_zero_default=1.0))]
    ),
    defaults={"gone": 2.0},
)  # fmt: skip
FEEDBACK = models.RelevanceFeedbackQuery(
    relevance_feedback=models.RelevanceFeedbackInput(
        target=QUERY,
        feedback=[models.FeedbackItem(example=2, score=0.9)],
        strategy=models.NaiveFeedbackStrategy(
            naive=models.NaiveFeedbackStrategyParams(a=1.0, b=1.0, c=1.0)
        ),
    )
)
KINDS: dict[str, dict[str, Any]] = {
    "vector": {"query": QUERY},
    "array": {"query": np.array(QUERY)},
    "id": {"query": 1},
    "nearest id": {"query": models.NearestQuery(nearest=1)},
    "mmr": {"query": models.NearestQuery(nearest=QUERY, mmr=models.Mmr(diversity=0.5))},
    "sparse with idf": {"query": SPARSE, "using": "words"},
    "sparse id": {"query": 2, "using": "words"},
    "recommend": {
        "query": models.RecommendQuery(
            recommend=models.RecommendInput(positive=[1, QUERY], negative=[3])
        )
    },
    "discover": {
        "query": models.DiscoverQuery(discover=models.DiscoverInput(target=1, context=[PAIR]))
    },
    "context": {"query": models.ContextQuery(context=PAIR)},
    "feedback": {"query": FEEDBACK},
    "order": {"query": models.OrderByQuery(order_by="n")},
    "sample": {"query": models.SampleQuery(sample=models.Sample.RANDOM)},
    "none": {"query": None},
    "filter": {"query": QUERY, "query_filter": SOME},
    "threshold": {"query": QUERY, "score_threshold": 1.5, "limit": 3, "offset": 1},
    "fusion": {
        "using": None,
        "query": models.FusionQuery(fusion=models.Fusion.DBSF),
        "prefetch": [DENSE, WORDS],
    },
    "rrf": {
        "using": None,
        "query": models.RrfQuery(rrf=models.Rrf(k=10)),
        "prefetch": [NESTED, WORDS],
    },
    "formula": {"query": FORMULA, "prefetch": NESTED},
    "rescored": {"query": SPARSE, "using": "words", "prefetch": [NESTED]},
    "some keys": {"query": QUERY, "with_payload": ["topic", "deep.a"], "with_vectors": True},
    "all but": {"query": QUERY, "with_payload": models.PayloadSelectorExclude(exclude=["topic"])},
}
READS: list[tuple[str, dict[str, Any]]] = [
    *(("query_points", {"using": "dense", "limit": 10, **each}) for each in KINDS.values()),
    ("query_batch_points", {"requests": [
        models.QueryRequest(query=QUERY, using="dense", with_payload=True),
        models.QueryRequest(query=SPARSE, using="words", filter=ONLY_X, limit=2),
        models.QueryRequest(query=3, using="dense", prefetch=[NESTED]),
    ]}),
    ("query_points_groups", {"group_by": "topic", "query": QUERY, "using": "dense"}),
    ("query_points_groups", {"group_by": "n", "query": 1, "using": "dense", "prefetch": NESTED,
                             "with_payload": False, "limit": 2, "group_size": 1}),
    ("retrieve", {"ids": [3, 1, 99]}),
    ("retrieve", {"ids": [2], "with_payload": ["topic"], "with_vectors": ["dense"]}),
    ("scroll", {"limit": 6}),
    ("scroll", {"scroll_filter": SOME, "with_vectors": True}),
    ("scroll", {"order_by": models.OrderBy(key="n", direction=models.Direction.DESC), "limit": 4}),
    ("count", {}),
    ("count", {"count_filter": SOME, "exact": False}),
    ("facet", {"key": "topic"}),
    ("facet", {"key": "n", "facet_filter": ONLY_X, "limit": 2}),
    ("search_matrix_pairs", {"using": "dense", "sample": 50, "limit": 10}),
    ("search_matrix_offsets", {"using": "dense", "sample": 50, "limit": 10}),
    ("collection_exists", {}),
]  # fmt: skip
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("upsert", {"points": [models.PointStruct(id=2, vector={"dense": QUERY}, payload={"a": 1})]}),
    ("upsert", {"points": models.Batch(ids=[2, 50], vectors={"dense": [QUERY, QUERY]}),
                "update_mode": models.UpdateMode.INSERT_ONLY}),
    ("upsert", {"points": [models.PointStruct(id=n, vector={}, payload={}) for n in (1, 2)],
                "update_filter": ONLY_X}),
    ("upload_points", {"points": [models.PointStruct(id=n, vector={"dense": QUERY}, payload={})
                                  for n in range(4, 9)], "batch_size": 2}),
    ("upload_collection", {"vectors": {"dense": np.array([QUERY, QUERY])}, "ids": [6, 7],
                           "payload": [{"k": 1}, {"k": 2}]}),
    ("upload_collection", {"vectors": [{"dense": QUERY, "words": SPARSE}], "ids": [70]}),
    ("delete", {"points_selector": [1, 2]}),
    ("delete", {"points_selector": ONLY_X}),
    ("set_payload", {"payload": {"n": 7, "new": [1]}, "points": [1, 2]}),
    ("set_payload", {"payload": {"b": 2}, "points": SOME, "key": "deep"}),
    ("overwrite_payload", {"payload": {"only": 1}, "points": [1, 2]}),
    ("overwrite_payload", {"payload": {"only": 1}, "points": SOME}),
    ("delete_payload", {"keys": ["n", "deep.a"], "points": SOME}),
    ("clear_payload", {"points_selector": [3]}),
    ("clear_payload", {"points_selector": models.FilterSelector(filter=ONLY_X)}),
    ("update_vectors", {"points": [models.PointVectors(id=1, vector={"dense": QUERY})]}),
    ("update_vectors", {"points": [models.PointVectors(id=n, vector={"dense": QUERY})
                                   for n in (1, 2)], "update_filter": ONLY_X}),
    ("delete_vectors", {"vectors": ["words"], "points": SOME}),
    ("batch_update_points", {"update_operations": [
        models.UpsertOperation(upsert=models.PointsList(
            points=[models.PointStruct(id=90, vector={"dense": QUERY}, payload={"topic": "x"})])),
        models.UpsertOperation(upsert=models.PointsBatch(
            batch=models.Batch(ids=[91], vectors={"dense": [QUERY]}, payloads=[{"q": 1}]))),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"s": 1}, points=[90])),
        models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload={"o": 1}, filter=ONLY_X)),
        models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload={"o": 2}, points=[2, 4])),
        models.DeletePayloadOperation(
            delete_payload=models.DeletePayload(keys=["n"], points=[5])),
        models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[6])),
        models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(
            points=[models.PointVectors(id=91, vector={"words": SPARSE})])),
        models.DeleteVectorsOperation(
            delete_vectors=models.DeleteVectors(points=[90], vector=["dense"])),
        models.DeleteOperation(delete=models.PointIdsList(points=[4])),
    ]}),
]  # fmt: skip
CASES = [pytest.param(*case, id=f"{case[0]}-{at}") for at, case in enumerate(READS)]
CHANGES = [pytest.param(*case, id=f"{case[0]}-{at}") for at, case in enumerate(WRITES)]


def normal(given: Any, *, loose: bool = False) -> Any:
    """Return an answer as plain values, floats rounded; ``loose``: records in any order."""
    if hasattr(given, "model_dump"):
        given = given.model_dump()
    if isinstance(given, dict):
        return {key: normal(each, loose=loose) for key, each in given.items() if key != "version"}
    if isinstance(given, float):
        return round(given, 4)
    if isinstance(given, list | tuple):
        values = [normal(each, loose=loose) for each in given]
        records = loose and all(isinstance(each, dict) for each in values)
        return sorted(values, key=repr) if records else values
    return given


def unordered(method: str, arguments: dict[str, Any]) -> bool:
    """Say whether the client promises no order, or that of stored ids."""
    if method == "query_points":
        return arguments["query"] is None or isinstance(arguments["query"], models.SampleQuery)
    return method == "search_matrix_pairs" or (method == "scroll" and "order_by" not in arguments)


def matrix(offsets: Any) -> Any:
    """Return a matrix of offsets as pairs of ids, whatever the order of its rows."""
    ids = offsets.ids
    return sorted(
        [ids[row], ids[column], round(score, 4)]
        for row, column, score in zip(
            offsets.offsets_row, offsets.offsets_col, offsets.scores, strict=True
        )
    )


@pytest.mark.parametrize(("method", "arguments"), CASES)
def test_read_equals_the_plain_clients(
    world: SimpleNamespace, acme: Any, method: str, arguments: dict[str, Any]
) -> None:
    """Beside another tenant's points, the answer is that of a collection without them."""
    expected = getattr(world.alone(), method)(world.DOCS, **arguments)
    given = acme(method, world.DOCS, **arguments)
    assert type(given) is type(expected)
    if method == "search_matrix_offsets":
        assert matrix(given) == matrix(expected)
    else:
        loose = unordered(method, arguments)
        assert normal(given, loose=loose) == normal(expected, loose=loose)


@pytest.mark.parametrize(("method", "arguments"), CHANGES)
def test_write_does_what_the_plain_clients_does(
    world: SimpleNamespace, acme: Any, method: str, arguments: dict[str, Any]
) -> None:
    """The tenant's points end as in a collection without others, and no other's point changes."""
    plain = world.alone()
    before = world.dump(acme.client, "globex")
    expected = getattr(plain, method)(world.DOCS, **arguments)
    given = acme(method, world.DOCS, **arguments)
    assert type(given) is type(expected)
    if method == "batch_update_points":
        assert len(given) == len(expected)
    wanted = [
        (id_, {**payload, "tenant": "acme"}, vector)
        for id_, payload, vector in world.dump(plain, None)
    ]
    assert normal(world.dump(acme.client, "acme")) == normal(wanted)
    assert world.dump(acme.client, "globex") == before


def test_every_enforced_method_is_tried() -> None:
    """A method that is added to the table needs a case here."""
    elsewhere = {"close", "get_collection"}
    tried = {name for name, _ in READS + WRITES} | elsewhere
    assert tried == {name for name, access in METHODS.items() if access is Access.ENFORCED}
