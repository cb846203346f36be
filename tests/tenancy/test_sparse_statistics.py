"""Sparse statistics of a tenant: the scores of a collection of its own, whatever others hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import InputError, UsageError
from ragbastion.tenancy.context import operator_context
from ragbastion.tenancy.sparse_statistics import TenantSparseStatistics

ACME = operator_context(tenant="acme", principal="app")
GLOBEX = operator_context(tenant="globex", principal="app")
QUERY = models.SparseVector(indices=[1, 2, 9], values=[1.0, 0.5, 2.0])

documents = st.lists(
    st.dictionaries(st.integers(0, 9), st.floats(0.1, 3.0), max_size=4).filter(bool), max_size=6
)


@pytest.fixture(params=["memory", "file"])
def statistics(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TenantSparseStatistics]:
    """Return statistics of each kind of state."""
    path = tmp_path / "sparse.db" if request.param == "file" else None
    made = TenantSparseStatistics(path)
    yield made
    made.close()


def collection(modifier: models.Modifier | None) -> QdrantClient:
    """Return a local client with one sparse collection."""
    client = QdrantClient(":memory:")
    sparse = {"bm25": models.SparseVectorParams(modifier=modifier)}
    client.create_collection("docs", vectors_config={}, sparse_vectors_config=sparse)
    return client


def rows(found: list[dict[int, float]], tenant: str, first: int = 0) -> list[models.PointStruct]:
    """Return the documents as points of a tenant."""
    return [
        models.PointStruct(
            id=first + at,
            vector={"bm25": models.SparseVector(indices=list(row), values=list(row.values()))},
            payload={"tenant": tenant},
        )
        for at, row in enumerate(found)
    ]


def scores(client: QdrantClient, query: models.SparseVector) -> dict[int, float]:
    """Return acme's scores by id."""
    match = models.MatchValue(value="acme")
    mine = models.Filter(must=[models.FieldCondition(key="tenant", match=match)])
    hits = client.query_points("docs", query, using="bm25", query_filter=mine, limit=20).points
    return {int(hit.id): hit.score for hit in hits}


@settings(max_examples=25)
@given(mine=documents, others=documents)
def test_scores_are_those_of_an_own_collection(
    mine: list[dict[int, float]], others: list[dict[int, float]]
) -> None:
    """Weighted queries on a shared collection score as IDF on a private one, to the last digits."""
    private = collection(models.Modifier.IDF)
    shared = collection(None)
    statistics = TenantSparseStatistics()
    for tenant, context, found, first in (
        ("acme", ACME, mine, 0),
        ("globex", GLOBEX, others, 100),
    ):
        points = rows(found, tenant, first)
        if points:
            shared.upsert("docs", points)
        statistics.record(
            context, "docs", "bm25", {first + at: list(row) for at, row in enumerate(found)}
        )
    if mine:
        private.upsert("docs", rows(mine, "acme"))
    weighted = statistics.weighted(ACME, "docs", "bm25", QUERY)
    assert scores(shared, weighted) == pytest.approx(scores(private, QUERY), rel=1e-6)
    statistics.close()


@settings(max_examples=40)
@given(others=documents)
def test_weights_are_the_same_whatever_others_hold(others: list[dict[int, float]]) -> None:
    """Not a bit of a tenant's weights moves with another tenant's documents."""
    statistics = TenantSparseStatistics()
    statistics.record(ACME, "docs", "bm25", {1: [1, 2], 2: [1]})
    before = statistics.weighted(ACME, "docs", "bm25", QUERY)
    statistics.record(GLOBEX, "docs", "bm25", {at: list(row) for at, row in enumerate(others)})
    statistics.forget(GLOBEX, "docs", "bm25", [1, 2])
    assert statistics.weighted(ACME, "docs", "bm25", QUERY) == before
    statistics.close()


@settings(max_examples=60)
@given(
    history=st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.sets(st.integers(0, 5), max_size=4)),
        max_size=20,
    )
)
def test_any_history_counts_what_is_left(history: list[tuple[bool, int, set[int]]]) -> None:
    """After any writes, overwrites and deletions the weights are those of what is left."""
    worn, fresh = TenantSparseStatistics(), TenantSparseStatistics()
    left: dict[int, list[int]] = {}
    for written, id_, terms in history:
        if written:
            left[id_] = sorted(terms)
            worn.record(ACME, "docs", "bm25", {id_: left[id_]})
        else:
            left.pop(id_, None)
            worn.forget(ACME, "docs", "bm25", [id_])
    fresh.record(ACME, "docs", "bm25", left)
    query = models.SparseVector(indices=list(range(6)), values=[1.0] * 6)
    assert worn.weighted(ACME, "docs", "bm25", query) == fresh.weighted(ACME, "docs", "bm25", query)
    worn.close()
    fresh.close()


def test_spellings_of_an_id(statistics: TenantSparseStatistics) -> None:
    """Spellings of one UUID are one point; the integer 7 and the text "7" are two."""
    canonical = "6f1c9d0e-6f0c-5d0b-9a5e-2b7f3c1d8e42"
    for id_ in (canonical, canonical.upper(), 7, "7"):
        statistics.record(ACME, "docs", "bm25", {id_: [1]})
    statistics.forget(ACME, "docs", "bm25", [canonical, 7])
    left = statistics.weighted(ACME, "docs", "bm25", models.SparseVector(indices=[1], values=[1.0]))
    other = TenantSparseStatistics()
    other.record(ACME, "docs", "bm25", {"7": [1]})
    assert left == other.weighted(
        ACME, "docs", "bm25", models.SparseVector(indices=[1], values=[1.0])
    )


def test_tenant_is_forgotten(statistics: TenantSparseStatistics) -> None:
    """After a tenant was erased nothing of it is counted, and others keep their counts."""
    unknown = statistics.weighted(ACME, "docs", "bm25", QUERY)
    for context in (ACME, GLOBEX):
        statistics.record(context, "docs", "bm25", {1: [1, 2]})
    kept = statistics.weighted(GLOBEX, "docs", "bm25", QUERY)
    statistics.forget_tenant(ACME)
    assert statistics.weighted(ACME, "docs", "bm25", QUERY) == unknown
    assert statistics.weighted(GLOBEX, "docs", "bm25", QUERY) == kept


def test_processes_share_a_file(tmp_path: Path) -> None:
    """What one opening records, another weighs by."""
    first = TenantSparseStatistics(tmp_path / "s.db")
    first.record(ACME, "docs", "bm25", {1: [1]})
    second = TenantSparseStatistics(tmp_path / "s.db")
    assert second.weighted(ACME, "docs", "bm25", QUERY) == first.weighted(
        ACME, "docs", "bm25", QUERY
    )
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("collection_name", "vector", "points", "error"),
    [
        ("docs", "bm25", {1: [1, 1]}, InputError),
        ("docs", "bm25", {1: [-1]}, InputError),
        ("docs", "bm25", {1: [2**32]}, InputError),
        ("docs", "bm25", {1: [True]}, InputError),
        ("docs", "bm25", {1: [1.0]}, InputError),
        ("docs", "bm25", {True: [1]}, InputError),
        ("docs", "bm25", {"": [1]}, InputError),
        ("docs", "bm25", {"x" * 10_000: [1]}, InputError),
        ("a/b", "bm25", {1: [1]}, UsageError),
        ("docs", "v" * 10_000, {1: [1]}, UsageError),
    ],
)
def test_bad_input_is_refused(
    statistics: TenantSparseStatistics,
    collection_name: str,
    vector: str,
    points: dict[Any, Any],
    error: type[Exception],
) -> None:
    """Terms, ids and names that cannot be meant keep nothing, also of the good points beside."""
    with pytest.raises(error):
        statistics.record(ACME, collection_name, vector, {99: [1], **points})
    assert statistics.weighted(ACME, "docs", "bm25", QUERY) == TenantSparseStatistics().weighted(
        ACME, "docs", "bm25", QUERY
    )
