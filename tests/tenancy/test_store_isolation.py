"""The isolation laws of `VectorStore`, on random histories, and the agreement of the adapters."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import UnknownTenantError
from ragbastion.core.store import StoredPoint, VectorStore
from ragbastion.tenancy import open_store
from ragbastion.tenancy.point_identity import namespaced_id

DIMENSION = 3
TENANTS = [TenantId("acme"), TenantId("globex"), TenantId("acme-2")]
NAMES = ["c1", "c2", "c3", str(namespaced_id(TENANTS[0], "c1")), "acme", "7"]

Model = dict[TenantId, dict[str, int]]
"""What should be in the store: for each tenant, the version last written under each id."""

tenants = st.sampled_from(TENANTS)
names = st.sampled_from(NAMES)
writes = st.tuples(st.just("upsert"), tenants, st.lists(names, max_size=3))
deletes = st.tuples(st.just("delete"), tenants, st.lists(names, max_size=3))
histories = st.lists(st.one_of(writes, deletes), max_size=12)


@contextmanager
def opened(backend: str) -> Iterator[VectorStore]:
    """Open an empty store of the kind, with collection "c"."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "s") if backend == "edge" else ":memory:")
        store.create_collection("c", EmbedderIdentity(model="m", dimension=DIMENSION))
        yield store
        store.close()


def replay(store: VectorStore, history: list[tuple[str, TenantId, list[str]]]) -> Model:
    """Run the history on the store and on a dictionary; return the dictionary."""
    model: Model = {tenant: {} for tenant in TENANTS}
    for version, (act, tenant, ids) in enumerate(history):
        if act == "delete":
            store.delete("c", tenant, [ChunkId(id_) for id_ in ids])
            for id_ in ids:
                model[tenant].pop(id_, None)
        else:
            store.upsert("c", tenant, [written(id_, version, tenant) for id_ in ids])
            model[tenant] |= dict.fromkeys(ids, version)
    return model


def written(name: str, version: int, tenant: TenantId) -> StoredPoint:
    """Return a point whose payload tells who wrote it and when."""
    vector = np.random.default_rng(version).standard_normal(DIMENSION).astype(np.float32)
    payload = {"owner": tenant, "version": version}
    return StoredPoint(id=ChunkId(name), vector=vector, payload=payload)


@pytest.mark.parametrize("backend", ["edge", "qdrant"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories)
def test_no_call_crosses_a_tenant(
    backend: str, history: list[tuple[str, TenantId, list[str]]]
) -> None:
    """After any history each tenant reads, counts and finds exactly its own last writes."""
    with opened(backend) as store:
        model = replay(store, history)
        for tenant, expected in model.items():
            scrolled = list(store.scroll("c", tenant))
            got = store.get("c", tenant, [ChunkId(name) for name in NAMES])
            for found in (scrolled, got):
                assert {each.id: each.payload["version"] for each in found} == expected
                assert {each.payload["owner"] for each in found} <= {tenant}
            assert store.count("c", tenant) == len(expected)
            assert searched(store, tenant) == set(expected)
        assert store.tenants("c") == sorted(tenant for tenant, ids in model.items() if ids)


def searched(store: VectorStore, tenant: TenantId) -> set[str]:
    """Return the ids that a search over everything finds, none for an unknown tenant."""
    try:
        hits = store.search("c", tenant, np.ones(DIMENSION, dtype=np.float32), 1000)
    except UnknownTenantError:
        return set()
    assert {hit.point.payload["owner"] for hit in hits} == {tenant}
    return {hit.point.id for hit in hits}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories, seed=st.integers(0, 2**32 - 1))
def test_adapters_agree(history: list[tuple[str, TenantId, list[str]]], seed: int) -> None:
    """Both adapters give the same ids in the same order, payloads, vectors and scores."""
    query = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    with opened("edge") as edge, opened("qdrant") as qdrant:
        replay(edge, history)
        model = replay(qdrant, history)
        for tenant in (tenant for tenant, ids in model.items() if ids):
            scrolled = [list(store.scroll("c", tenant)) for store in (edge, qdrant)]
            assert [p.id for p in scrolled[0]] == [p.id for p in scrolled[1]]
            assert [p.payload for p in scrolled[0]] == [p.payload for p in scrolled[1]]
            first, second = (store.search("c", tenant, query, 5) for store in (edge, qdrant))
            # Equal vectors may come in either order, so scores are compared in place, ids as sets.
            np.testing.assert_allclose(
                [hit.score for hit in first], [hit.score for hit in second], atol=1e-6
            )
            for a, b in zip(*scrolled, strict=True):
                np.testing.assert_allclose(a.vector, b.vector, atol=1e-6)


def test_adapters_rank_alike() -> None:
    """Of 300 points in general position both adapters return the same twenty, in order."""
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((300, DIMENSION)).astype(np.float32)
    points = [
        StoredPoint(id=ChunkId(f"p{i}"), vector=vector, payload={})
        for i, vector in enumerate(vectors)
    ]
    with opened("edge") as edge, opened("qdrant") as qdrant:
        for store in (edge, qdrant):
            store.upsert("c", TENANTS[0], points)
        query = rng.standard_normal(DIMENSION)
        first, second = (store.search("c", TENANTS[0], query, 20) for store in (edge, qdrant))
    assert [hit.point.id for hit in first] == [hit.point.id for hit in second]
