"""One behaviour suite that every adapter of `VectorStore` passes."""

import threading
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import (
    CollectionNotFoundError,
    InputError,
    IsolationError,
    ModelMismatchError,
    StoreError,
    UnknownTenantError,
    UsageError,
    VectorError,
)
from ragbastion.core.store import StoredPoint, VectorStore
from ragbastion.tenancy import open_store

DIMENSION = 4
IDENTITY = EmbedderIdentity(model="test-model", dimension=DIMENSION)
ACME = TenantId("acme")
GLOBEX = TenantId("globex")


def point(name: str, vector: object = (1, 0, 0, 0), **payload: object) -> StoredPoint:
    """Return a point; vectors are given in any length."""
    return StoredPoint(
        id=ChunkId(name),
        vector=np.asarray(vector, dtype=np.float32),
        payload={"text": name, **payload},
    )


def ids(points: list[StoredPoint]) -> list[str]:
    """Return the ids in order."""
    return [each.id for each in points]


def test_search_returns_nearest_first(store: VectorStore, collection: str) -> None:
    """Hits come by cosine, best first, with payload and unit vector."""
    near, far = point("near", (3, 1, 0, 0), page=7), point("far", (0, 1, 0, 0))
    store.upsert(collection, ACME, [far, near])
    first, second = store.search(collection, ACME, np.array([1, 0, 0, 0]), 5)
    assert (first.point.id, second.point.id) == ("near", "far")
    assert first.score == pytest.approx(3 / np.sqrt(10), abs=1e-6)
    assert first.point.payload == {"text": "near", "page": 7, "tenant": "acme"}
    assert first.point.vector.dtype == np.float32
    np.testing.assert_allclose(first.point.vector, np.array([3, 1, 0, 0]) / np.sqrt(10), atol=1e-6)


def test_search_respects_limit(store: VectorStore, collection: str) -> None:
    """No more hits than asked for."""
    store.upsert(collection, ACME, [point(f"p{i}", (1, i, 0, 0)) for i in range(9)])
    found = store.search(collection, ACME, np.array([1, 0, 0, 0]), 3)
    assert [hit.point.id for hit in found] == ["p0", "p1", "p2"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_search_refuses_odd_limits(store: VectorStore, collection: str, limit: int) -> None:
    """A limit outside 1 to 10,000 is a usage error."""
    store.upsert(collection, ACME, [point("a")])
    with pytest.raises(UsageError, match="between 1 and 10000"):
        store.search(collection, ACME, np.array([1, 0, 0, 0]), limit)


def test_get_keeps_the_order_asked_for(store: VectorStore, collection: str) -> None:
    """Known ids come back in the order asked for, unknown ones are left out, doubles once."""
    store.upsert(collection, ACME, [point("a"), point("b"), point("c")])
    asked = [ChunkId(name) for name in ("c", "missing", "a", "c")]
    assert ids(store.get(collection, ACME, asked)) == ["c", "a"]


def test_get_reads_many_ids(store: VectorStore, collection: str) -> None:
    """More ids than one page of the engine are all found."""
    names = [f"p{i}" for i in range(600)]
    store.upsert(collection, ACME, [point(name) for name in names])
    assert ids(store.get(collection, ACME, [ChunkId(name) for name in names])) == names


def test_repeated_upsert_changes_nothing(store: VectorStore, collection: str) -> None:
    """Writing the same points again leaves the same points."""
    points = [point("a"), point("b")]
    store.upsert(collection, ACME, points)
    store.upsert(collection, ACME, points)
    assert store.count(collection, ACME) == 2


def test_upsert_replaces_payload_and_vector(store: VectorStore, collection: str) -> None:
    """A second write of an id leaves nothing of the first."""
    store.upsert(collection, ACME, [point("a", (1, 0, 0, 0), old=1)])
    store.upsert(collection, ACME, [point("a", (0, 1, 0, 0), new=2)])
    (found,) = store.get(collection, ACME, [ChunkId("a")])
    assert found.payload == {"text": "a", "new": 2, "tenant": "acme"}
    np.testing.assert_allclose(found.vector, [0, 1, 0, 0], atol=1e-6)


def test_last_of_two_like_ids_stands(store: VectorStore, collection: str) -> None:
    """Within one batch the later point of an id wins."""
    store.upsert(collection, ACME, [point("a", v=1), point("a", v=2)])
    (found,) = store.get(collection, ACME, [ChunkId("a")])
    assert (store.count(collection, ACME), found.payload["v"]) == (1, 2)


def test_payload_comes_back_as_written(store: VectorStore, collection: str) -> None:
    """Nested JSON, empty values, large integers and any script survive."""
    payload = {
        "n": {"list": [1, 2.5, None, True, []], "empty": {}},
        "big": 2**53 + 1,
        "text": "naïve \u202e 日本 🏰 \x00",
        "": "empty key",
    }
    store.upsert(collection, ACME, [point("a", **payload)])
    (found,) = store.get(collection, ACME, [ChunkId("a")])
    assert found.payload == {**payload, "tenant": "acme"}


def test_delete_removes_only_what_is_named(store: VectorStore, collection: str) -> None:
    """Deleting leaves the other points, and unknown ids are no error."""
    store.upsert(collection, ACME, [point("a"), point("b")])
    store.delete(collection, ACME, [ChunkId("a"), ChunkId("missing")])
    assert ids(list(store.scroll(collection, ACME))) == ["b"]


def test_scroll_yields_every_point_once_in_a_stable_order(
    store: VectorStore, collection: str
) -> None:
    """Pages neither drop nor double a point, and two scrolls agree."""
    names = [f"p{i}" for i in range(700)]
    store.upsert(collection, ACME, [point(name) for name in names])
    first = ids(list(store.scroll(collection, ACME)))
    assert sorted(first) == sorted(names)
    assert first == ids(list(store.scroll(collection, ACME)))


def test_tenant_without_points_is_unknown_to_search(store: VectorStore, collection: str) -> None:
    """Search names an unknown tenant; count, get and scroll find nothing of it."""
    store.upsert(collection, ACME, [point("a")])
    with pytest.raises(UnknownTenantError, match="globex"):
        store.search(collection, GLOBEX, np.array([1, 0, 0, 0]), 5)
    assert store.count(collection, GLOBEX) == 0
    assert store.get(collection, GLOBEX, [ChunkId("a")]) == []
    assert list(store.scroll(collection, GLOBEX)) == []


def test_tenant_whose_last_point_went_is_unknown_again(store: VectorStore, collection: str) -> None:
    """Deleting everything of a tenant makes it unknown, and it may come back."""
    store.upsert(collection, ACME, [point("a")])
    store.delete(collection, ACME, [ChunkId("a")])
    with pytest.raises(UnknownTenantError):
        store.search(collection, ACME, np.array([1, 0, 0, 0]), 5)
    assert store.tenants(collection) == []
    store.upsert(collection, ACME, [point("b")])
    assert store.tenants(collection) == ["acme"]


def test_empty_calls_change_nothing(store: VectorStore, collection: str) -> None:
    """No points and no ids are allowed and do not create a tenant."""
    store.upsert(collection, ACME, [])
    store.delete(collection, ACME, [])
    assert store.get(collection, ACME, []) == []
    assert store.tenants(collection) == []


def test_same_chunk_id_lives_in_two_tenants(store: VectorStore, collection: str) -> None:
    """One id in two tenants is two points."""
    store.upsert(collection, ACME, [point("same", owner="A")])
    store.upsert(collection, GLOBEX, [point("same", owner="B")])
    store.delete(collection, ACME, [ChunkId("same")])
    (left,) = store.get(collection, GLOBEX, [ChunkId("same")])
    assert (left.payload["owner"], store.count(collection, ACME)) == ("B", 0)


def test_collections_do_not_share_points(store: VectorStore, collection: str) -> None:
    """A tenant's points in one collection are not in another."""
    store.create_collection(collection + "-2", IDENTITY)
    store.upsert(collection, ACME, [point("a")])
    assert store.count(collection + "-2", ACME) == 0


def test_payload_that_names_another_tenant_is_refused(store: VectorStore, collection: str) -> None:
    """A point that claims to be of another tenant is not written, nor are its neighbours."""
    with pytest.raises(IsolationError, match="names another tenant"):
        store.upsert(collection, ACME, [point("a"), point("b", tenant="globex")])
    assert (store.count(collection, ACME), store.count(collection, GLOBEX)) == (0, 0)


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800", {1, 2}])
def test_payload_that_is_not_json_is_refused(
    store: VectorStore, collection: str, value: object
) -> None:
    """NaN, objects and lone surrogates are refused with the point's id, and nothing is written."""
    with pytest.raises(InputError, match="'bad' refused: its payload is not JSON"):
        store.upsert(collection, ACME, [point("good"), point("bad", value=value)])
    assert store.count(collection, ACME) == 0


@pytest.mark.parametrize(
    "vector",
    [(1, 0, 0), (1, 0, 0, 0, 0), (np.nan, 1, 0, 0), (np.inf, 1, 0, 0), (0, 0, 0, 0), ()],
)
def test_bad_vectors_are_refused(store: VectorStore, collection: str, vector: object) -> None:
    """Wrong dimension, NaN, infinity and zero vectors are refused in writes and in queries."""
    with pytest.raises(VectorError):
        store.upsert(collection, ACME, [point("good"), point("bad", vector)])
    assert store.count(collection, ACME) == 0
    with pytest.raises(VectorError):
        store.search(collection, ACME, np.asarray(vector), 1)


def test_unknown_collection_is_named(store: VectorStore) -> None:
    """Each call on a collection that does not exist says so."""
    calls = [
        lambda: store.collection("nowhere"),
        lambda: store.upsert("nowhere", ACME, [point("a")]),
        lambda: store.search("nowhere", ACME, np.array([1, 0, 0, 0]), 1),
        lambda: store.get("nowhere", ACME, [ChunkId("a")]),
        lambda: store.delete("nowhere", ACME, [ChunkId("a")]),
        lambda: store.count("nowhere", ACME),
        lambda: store.scroll("nowhere", ACME),
        lambda: store.tenants("nowhere"),
    ]
    for call in calls:
        with pytest.raises(CollectionNotFoundError, match="'nowhere'"):
            call()


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "x" * 10_000, "a\x00"]
)
def test_odd_collection_names_are_refused(store: VectorStore, name: str) -> None:
    """Names that could leave the folder, or that no file system takes, are usage errors."""
    with pytest.raises(UsageError, match="collection refused"):
        store.create_collection(name, IDENTITY)
    with pytest.raises(UsageError, match="collection refused"):
        store.count(name, ACME)


@pytest.mark.parametrize("name", ["", "..", "../globex", "a/b", "x" * 10_000, "a\x00b", " acme"])
def test_odd_tenant_names_are_refused(store: VectorStore, collection: str, name: str) -> None:
    """No call takes a tenant name that could be mistaken or could leave its folder."""
    tenant = TenantId(name)
    calls = [
        lambda: store.upsert(collection, tenant, [point("a")]),
        lambda: store.search(collection, tenant, np.array([1, 0, 0, 0]), 1),
        lambda: store.get(collection, tenant, [ChunkId("a")]),
        lambda: store.delete(collection, tenant, [ChunkId("a")]),
        lambda: store.count(collection, tenant),
        lambda: store.scroll(collection, tenant),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="tenant refused"):
            call()


def test_collection_is_created_once(store: VectorStore, collection: str) -> None:
    """Creating it again with the same model returns the same uid and keeps its points."""
    store.upsert(collection, ACME, [point("a")])
    again = store.create_collection(collection, IDENTITY)
    assert again == store.collection(collection)
    assert again in store.collections()
    assert (again.embedder, store.count(collection, ACME)) == (IDENTITY, 1)


@pytest.mark.parametrize(
    "other",
    [
        EmbedderIdentity(model="other-model", dimension=DIMENSION),
        EmbedderIdentity(model="test-model", dimension=8),
    ],
)
def test_another_model_is_refused(
    store: VectorStore, collection: str, other: EmbedderIdentity
) -> None:
    """A collection keeps to the model and dimension that it was made with."""
    with pytest.raises(ModelMismatchError, match="test-model"):
        store.create_collection(collection, other)


def test_tenants_are_listed_by_name(store: VectorStore, collection: str) -> None:
    """Every tenant with points is listed, sorted."""
    for name in ("globex", "acme", "initech"):
        store.upsert(collection, TenantId(name), [point("a")])
    assert store.tenants(collection) == ["acme", "globex", "initech"]


@pytest.mark.parametrize("scheme", ["", "qdrant-local:"])
def test_points_survive_reopening(tmp_path: Path, scheme: str) -> None:
    """What was written is there, in the same collection, after close and open."""
    location = f"{scheme}{tmp_path / 'store'}"
    first = open_store(location)
    info = first.create_collection("docs", IDENTITY)
    first.upsert("docs", ACME, [point("a")])
    first.close()
    second = open_store(location)
    assert second.collection("docs") == info
    assert ids(list(second.scroll("docs", ACME))) == ["a"]
    second.close()


def test_closed_store_says_so(store: VectorStore, collection: str) -> None:
    """Closing twice is allowed; a call after it is a store error."""
    store.upsert(collection, ACME, [point("a")])
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.count(collection, ACME)


def test_threads_share_a_store(store: VectorStore, collection: str) -> None:
    """Four threads that write, read and delete leave exactly what they should."""
    failures: list[BaseException] = []

    def work(tenant: TenantId) -> None:
        try:
            for i in range(15):
                store.upsert(collection, tenant, [point(f"p{i}", (1, i, 0, 0), owner=tenant)])
                found = store.search(collection, tenant, np.array([1, 0, 0, 0]), 50)
                assert {hit.point.payload["owner"] for hit in found} == {tenant}
                store.delete(collection, tenant, [ChunkId(f"p{i - 1}")])
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    tenants = [TenantId(f"t{i}") for i in range(4)]
    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [store.count(collection, tenant) for tenant in tenants] == [1, 1, 1, 1]
