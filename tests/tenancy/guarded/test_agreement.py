"""The guarded clients of both kinds ask the same of their clients, call for call."""

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import models
from ragbastion.core.errors import RagbastionError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient

from .recording import ASKED, RecordingAsyncClient, RecordingClient

IDS = st.sampled_from([1, 2, 5, 9, 70, "6a7f0c3e-0000-4000-8000-000000000001", "no id"])
FIELDS = st.sampled_from(["topic", "n", "tenant", '"tenant"', "_ragbastion_id"])
VECTOR = st.just([1.0, 0.5, 0.5, 0.0])
CONDITIONS = st.one_of(
    st.builds(
        lambda key, value: models.FieldCondition(key=key, match=models.MatchValue(value=value)),
        FIELDS,
        st.sampled_from(["x", "globex"]),
    ),
    st.builds(lambda ids: models.HasIdCondition(has_id=ids), st.lists(IDS, max_size=2)),
)
FILTERS = st.none() | st.builds(
    models.Filter, must=st.lists(CONDITIONS, max_size=2), should=st.lists(CONDITIONS, max_size=2)
)
CHOSEN = st.lists(IDS, max_size=3) | FILTERS
PREFETCH = st.none() | st.builds(
    models.Prefetch, query=VECTOR | IDS, using=st.just("dense"), filter=FILTERS
)
QUERIES = st.one_of(
    VECTOR,
    IDS,
    st.none(),
    st.builds(lambda key: models.OrderByQuery(order_by=key), FIELDS),
    st.builds(
        lambda a, b: models.RecommendQuery(
            recommend=models.RecommendInput(positive=[a], negative=[b])
        ),
        IDS,
        VECTOR,
    ),
)
PAYLOADS = st.dictionaries(FIELDS, st.sampled_from(["x", "acme", "globex"]), max_size=2)
POINTS = st.lists(
    st.builds(
        lambda id_, payload: models.PointStruct(
            id=id_, vector={"dense": [0.0, 1.0, 0.0, 1.0]}, payload=payload
        ),
        IDS,
        PAYLOADS,
    ),
    min_size=1,
    max_size=3,
)
MOVED = st.lists(
    st.builds(lambda id_: models.PointVectors(id=id_, vector={"dense": [1.0, 0, 0, 0]}), IDS),
    max_size=2,
)
OPERATIONS = st.one_of(
    st.builds(lambda p: models.UpsertOperation(upsert=models.PointsList(points=p)), POINTS),
    st.builds(
        lambda payload, f: models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload=payload, filter=f)
        ),
        PAYLOADS,
        FILTERS,
    ),
    st.builds(
        lambda ids: models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=ids)),
        st.lists(IDS, max_size=2),
    ),
    st.builds(
        lambda p: models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=p)),
        MOVED,
    ),
)


def arguments(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return the arguments of one method."""
    return st.fixed_dictionaries(fields)


QUERY = {
    "query": QUERIES, "using": st.sampled_from(["dense", None]), "prefetch": PREFETCH,
    "query_filter": FILTERS,
}  # fmt: skip
METHOD_ARGUMENTS = {
    "query_points": arguments(**QUERY),
    "query_points_groups": arguments(group_by=FIELDS, **QUERY),
    "query_batch_points": arguments(
        requests=st.lists(st.builds(models.QueryRequest, query=VECTOR, filter=FILTERS), max_size=2)
    ),
    "retrieve": arguments(ids=st.lists(IDS, max_size=3)),
    "scroll": arguments(scroll_filter=FILTERS, limit=st.integers(0, 4), offset=st.none() | IDS),
    "count": arguments(count_filter=FILTERS),
    "facet": arguments(key=FIELDS, facet_filter=FILTERS),
    "search_matrix_pairs": arguments(query_filter=FILTERS, using=st.just("dense")),
    "search_matrix_offsets": arguments(query_filter=FILTERS, using=st.just("dense")),
    "upsert": arguments(points=POINTS, update_filter=FILTERS),
    "upload_points": arguments(points=POINTS),
    "upload_collection": arguments(
        vectors=st.just([{"dense": [1.0, 0.0, 0.0, 0.0]}]), ids=st.lists(IDS, max_size=2)
    ),
    "delete": arguments(points_selector=CHOSEN),
    "set_payload": arguments(payload=PAYLOADS, points=CHOSEN),
    "overwrite_payload": arguments(payload=PAYLOADS, points=CHOSEN),
    "delete_payload": arguments(keys=st.lists(FIELDS, max_size=2), points=CHOSEN),
    "clear_payload": arguments(points_selector=CHOSEN),
    "update_vectors": arguments(points=MOVED, update_filter=FILTERS),
    "delete_vectors": arguments(vectors=st.just(["words"]), points=CHOSEN),
    "batch_update_points": arguments(update_operations=st.lists(OPERATIONS, max_size=3)),
    "collection_exists": arguments(),
    "get_collection": arguments(),
}
CALLS = st.one_of(*(st.tuples(st.just(name), given_) for name, given_ in METHOD_ARGUMENTS.items()))


def told(call: Any) -> str:
    """Return what came of a call, as text."""
    try:
        return repr(call())
    except RagbastionError as error:
        return f"{type(error).__name__}: {error}"


def test_every_enforced_method_is_called() -> None:
    """A method that is added to the table needs arguments here."""
    assert set(METHOD_ARGUMENTS) == ASKED


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(CALLS, min_size=1, max_size=5))
def test_both_ask_the_same(world: SimpleNamespace, history: list[tuple[str, Any]]) -> None:
    """Whatever is called, refused or not: the same calls, answers and errors, and no leak."""
    data = world.filled()
    other = world.filled()
    sync, awaiting = RecordingClient(":memory:"), RecordingAsyncClient(":memory:")
    sync._client.collections = data._client.collections  # type: ignore[attr-defined]
    awaiting._client.collections = other._client.collections  # type: ignore[attr-defined]
    sync.asked, awaiting.asked = [], []
    foreign = world.dump(data, "globex")
    context = world.context("acme")
    waited = GuardedQdrantClient(sync, context, MemoryEventSink())
    awaited = AsyncGuardedQdrantClient(awaiting, context, MemoryEventSink())

    async def run(name: str, given_: dict[str, Any]) -> Any:
        answer = getattr(awaited, name)(world.DOCS, **given_)
        return await answer if inspect.iscoroutine(answer) else answer

    for name, given_ in history:
        expected = told(lambda: getattr(waited, name)(world.DOCS, **given_))  # noqa: B023
        assert told(lambda: asyncio.run(run(name, given_))) == expected  # noqa: B023
        assert "shift 0.7" not in expected  # what globex's points say
    assert repr(awaiting.asked) == repr(sync.asked)
    assert world.dump(other, None) == world.dump(data, None)
    assert world.dump(data, "globex") == foreign
