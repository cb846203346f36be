"""The isolation law of the guarded client, on random calls with random filters and ids."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import RagbastionError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import GuardedQdrantClient, operator_context
from ragbastion.tenancy.point_identity import namespaced_id

DOCS = "docs"
IDS: list[Any] = [1, 2, 3, 9, str(namespaced_id("globex", 1)), str(namespaced_id("acme", 1))]  # type: ignore[arg-type]

keys = st.sampled_from(["topic", "tenant", "n", "_ragbastion_id"])
values = st.sampled_from(["x", "y", "acme", "globex"])
fields = st.builds(
    lambda key, value: models.FieldCondition(key=key, match=models.MatchValue(value=value)),
    keys,
    values,
)
has_ids = st.builds(
    lambda ids: models.HasIdCondition(has_id=ids), st.lists(st.sampled_from(IDS), max_size=3)
)
conditions = st.recursive(
    fields | has_ids,
    lambda inner: st.builds(
        models.Filter,
        must=st.none() | st.lists(inner, max_size=2),
        should=st.none() | st.lists(inner, max_size=2),
        must_not=st.none() | st.lists(inner, max_size=2),
    ),
    max_leaves=6,
)
filters = st.none() | st.builds(models.Filter, must=st.lists(conditions, max_size=2))
ids = st.sampled_from(IDS)
vectors = st.just([0.3, 0.7])
queries = st.one_of(
    ids,
    vectors,
    st.none(),
    st.builds(
        lambda a, b: models.RecommendQuery(
            recommend=models.RecommendInput(positive=[a], negative=[b])
        ),
        ids,
        ids,
    ),
)
prefetches = st.none() | st.builds(models.Prefetch, query=vectors | ids, filter=filters)
payloads = st.dictionaries(keys, values, max_size=2)

calls = st.one_of(
    st.tuples(st.just("query"), queries, filters, prefetches),
    st.tuples(st.just("scroll"), filters),
    st.tuples(st.just("retrieve"), st.lists(ids, max_size=3)),
    st.tuples(st.just("upsert"), ids, payloads),
    st.tuples(st.just("set_payload"), payloads, filters | st.lists(ids, max_size=2)),
    st.tuples(st.just("delete"), filters | st.lists(ids, max_size=2)),
)


def run(guarded: GuardedQdrantClient, call: tuple[Any, ...]) -> list[Any]:
    """Make the call and return the points that it gives."""
    act, *rest = call
    if act == "query":
        query, user, prefetch = rest
        response = guarded.query_points(
            DOCS, query, query_filter=user, prefetch=prefetch, limit=50, with_vectors=True
        )
        return list(response.points)
    if act == "scroll":
        return list(guarded.scroll(DOCS, rest[0], limit=50)[0])
    if act == "retrieve":
        return list(guarded.retrieve(DOCS, rest[0]))
    if act == "upsert":
        row = models.PointStruct(id=rest[0], vector=[0.5, 0.5], payload=rest[1])
        guarded.upsert(DOCS, [row])
    if act == "set_payload":
        guarded.set_payload(DOCS, *rest)
    if act == "delete":
        guarded.delete(DOCS, rest[0])
    return []


def two_tenants() -> tuple[QdrantClient, GuardedQdrantClient]:
    """Return a client with points of globex and acme, and acme's guard."""
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection(DOCS, vectors_config=size)
    for tenant in ("globex", "acme"):
        context = operator_context(tenant=tenant, principal="app")
        guarded = GuardedQdrantClient(client, context, MemoryEventSink())
        rows = [
            models.PointStruct(id=id_, vector=[float(id_), 1.0], payload={"topic": tenant})
            for id_ in (1, 2, 9)
        ]
        guarded.upsert(DOCS, rows)
    return client, guarded


def points_of(client: QdrantClient, tenant: str) -> list[Any]:
    """Return every point of the tenant as the unguarded client sees it."""
    page, _ = client.scroll(DOCS, limit=100, with_vectors=True)
    # Local mode normalises the vectors that it holds again at each query: the last bits move.
    return [
        (record.id, record.payload, [round(x, 5) for x in record.vector])  # type: ignore[union-attr]
        for record in page
        if (record.payload or {})["tenant"] == tenant
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(calls, min_size=1, max_size=6))
def test_no_call_reaches_another_tenant(history: list[tuple[Any, ...]]) -> None:
    """Whatever acme calls, refused or not, it sees only its own and globex keeps every bit."""
    client, acme = two_tenants()
    before = points_of(client, "globex")
    for call in history:
        try:
            given_back = run(acme, call)
        except RagbastionError:
            given_back = []
        for point in given_back:
            assert point.payload["tenant"] == "acme"
        assert acme.count(DOCS).count == len(points_of(client, "acme"))
    assert points_of(client, "globex") == before
