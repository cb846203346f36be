"""The guarded clients with the real `DocumentAccess`, `Quotas` and `PayloadCipher`."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import (
    AccessError,
    ErasedTenantError,
    IsolationError,
    QuotaError,
    SealError,
    UsageError,
)
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings, QuotaSettings
from ragbastion.tenancy import (
    AccessLabel,
    DocumentAccess,
    PayloadCipher,
    Quotas,
    TenantKeys,
    operator_context,
)
from ragbastion.tenancy.encryption import LocalKeyEncryption
from ragbastion.tenancy.guarded import hooks

from .conftest import DOCS, SETUP, Both, filled, rows_of, vectors_of

QUERY = [1.0, 0.5, 0.5, 0.0]
OWNER = "_ragbastion_access_owner"


def row(number: int, label: AccessLabel | None = None, **payload: Any) -> models.PointStruct:
    """Return a point, labelled in its payload."""
    labelled = {**payload, **(label.as_payload() if label else {})}
    return models.PointStruct(id=number, vector=vectors_of(number, 0.0), payload=labelled)


def empty() -> QdrantClient:
    """Return a client with an empty collection."""
    client = QdrantClient(":memory:")
    client.create_collection(DOCS, **SETUP)
    return client


def as_(kind: str, client: QdrantClient, principal: str, **fields: Any) -> Both:
    """Return the guard of a principal of acme, with the real document access."""
    context = operator_context(tenant="acme", principal=principal, **fields)
    settings = AccessSettings(default_classification=0)
    return Both(client, kind, context, access=DocumentAccess(settings, MemoryEventSink()))


@pytest.fixture
def library(kind: str) -> QdrantClient:
    """Return a client in which ann of acme owns 1 for sales, 2 for herself, and 3, secret."""
    client = empty()
    ann = as_(kind, client, "ann", clearance=3)
    sales = frozenset({"sales"})
    ann("upsert", DOCS, [
        row(1, AccessLabel(groups=sales, classification=1), topic="x"),
        row(2, topic="y"),
        row(3, AccessLabel(groups=sales, classification=3), topic="z"),
    ])  # fmt: skip
    return client


READS = [
    ("scroll", {}, lambda given: {record.id for record in given[0]}),
    ("retrieve", {"ids": [1, 2, 3]}, lambda given: {record.id for record in given}),
    ("query_points", {"query": QUERY, "using": "dense"}, lambda got: {p.id for p in got.points}),
    ("facet", {"key": "topic"}, lambda given: {"xyz".index(h.value) + 1 for h in given.hits}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "seen"), READS)
def test_each_reader_sees_what_is_granted(
    kind: str, library: QdrantClient, method: str, arguments: dict[str, Any], seen: Any
) -> None:
    """The owner, a member of the group with and without clearance, and a stranger."""
    readers = [
        as_(kind, library, "ann", clearance=3),
        as_(kind, library, "bob", groups=["sales"], clearance=1),
        as_(kind, library, "cy", groups=["sales"]),
        as_(kind, library, "eve", clearance=3),
    ]
    shown = [seen(reader(method, DOCS, **arguments)) for reader in readers]
    assert shown == [{1, 2, 3}, {1}, set(), set()]


def test_readers_change_nothing(kind: str, library: QdrantClient) -> None:
    """A grant to read is none to write, by any method."""
    before = library.scroll(DOCS, with_vectors=True)[0]
    bob = as_(kind, library, "bob", groups=["sales"], clearance=1)
    bob("delete", DOCS, [1, 2, 3])
    bob("set_payload", DOCS, {"topic": "taken"}, models.Filter())
    bob("overwrite_payload", DOCS, {}, [1])
    bob("delete_vectors", DOCS, ["words"], [1])
    bob("upsert", DOCS, [row(2, topic="taken")])  # it may not see this one
    with pytest.raises(AccessError, match="its owner"):
        bob("upsert", DOCS, [row(1, topic="taken")])
    assert library.scroll(DOCS, with_vectors=True)[0] == before


def test_labels_are_decided_by_the_access(kind: str, library: QdrantClient) -> None:
    """Nobody plants a document as another's, or sets a label by another method."""
    bob = as_(kind, library, "bob", groups=["sales"], clearance=1)
    with pytest.raises(AccessError, match="owner"):
        bob("upsert", DOCS, [row(9, AccessLabel(owner="ann", classification=0))])
    with pytest.raises(IsolationError, match="cannot be changed"):
        bob("set_payload", DOCS, {OWNER: "bob"}, [1])
    assert library.count(DOCS).count == 3


def test_a_write_keeps_the_label(kind: str, library: QdrantClient) -> None:
    """A new text of the owner does not open the document."""
    ann = as_(kind, library, "ann", clearance=3)
    ann("upsert", DOCS, [row(3, topic="new")])
    ann("overwrite_payload", DOCS, {"topic": "newer"}, [3])
    assert as_(kind, library, "bob", groups=["sales"])("count", DOCS).count == 0
    assert ann("retrieve", DOCS, [3])[0].payload["topic"] == "newer"


@pytest.fixture
def quotas(request: pytest.FixtureRequest) -> Iterator[Quotas]:
    """Return quotas of the settings that the test names."""
    limits = Quotas(QuotaSettings(**request.param), events=MemoryEventSink())
    yield limits
    limits.close()


@pytest.mark.parametrize("quotas", [{"calls_per_minute": 3}], indirect=True)
def test_calls_are_spent(world: SimpleNamespace, quotas: Quotas) -> None:
    """The fourth call of a minute is refused with the time to wait; other tenants go on."""
    client = filled()
    acme = world.guard(client, quotas=quotas)
    for _ in range(3):
        acme("count", DOCS)
    with pytest.raises(QuotaError) as refused:
        acme("delete", DOCS, models.Filter())
    assert 0 < (refused.value.retry_after_s or 0) <= 20
    assert world.guard(client, "globex", quotas=quotas)("count", DOCS).count == 9


@pytest.mark.parametrize("quotas", [{"points_per_collection": 8}], indirect=True)
def test_points_are_held_to_the_limit(world: SimpleNamespace, quotas: Quotas) -> None:
    """Points written over others take no room; what is too much is refused whole."""
    acme = world.guard(filled(), quotas=quotas)
    acme("upsert", DOCS, rows_of(0.0, range(3, 9)))
    with pytest.raises(QuotaError, match="points_per_collection of 8"):
        acme("upsert", DOCS, rows_of(0.0, range(9, 11)))
    acme("delete", DOCS, [1])
    acme("upsert", DOCS, rows_of(0.0, range(9, 10)))
    assert acme("count", DOCS).count == 8


@pytest.mark.parametrize("quotas", [{"points_per_collection": 8}], indirect=True)
def test_a_failed_write_gives_its_room_back(world: SimpleNamespace, quotas: Quotas) -> None:
    """The reservation ends with the call."""
    acme = world.guard(filled(), quotas=quotas)
    wrong = models.PointStruct(id=50, vector={"dense": [1.0]}, payload={})
    with pytest.raises(Exception, match="cannot serve the call"):
        acme("upsert", DOCS, [wrong, *rows_of(0.0, range(7, 8))])
    acme("upsert", DOCS, rows_of(0.0, range(7, 9)))
    assert acme("count", DOCS).count == 8


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[TenantKeys]:
    """Return keys that are looked up on every call."""
    kek = LocalKeyEncryption(secrets.token_bytes(32))
    opened = TenantKeys(tmp_path / "keys.db", kek, MemoryEventSink(), recheck_s=0)
    yield opened
    opened.close()


@pytest.fixture
def sealed(world: SimpleNamespace, keys: TenantKeys) -> Both:
    """Return acme's guard with a cipher of two fields, over points 1 to 3."""
    guard: Both = world.guard(empty(), cipher=PayloadCipher(keys, fields=("topic", "deep.a")))
    guard("upsert", DOCS, rows_of(0.0, range(1, 4)))
    return guard


def topics(guard: Both) -> dict[Any, Any]:
    """Return what the caller reads."""
    return {record.id: record.payload["topic"] for record in guard("scroll", DOCS)[0]}


def test_values_are_sealed_at_rest(sealed: Both) -> None:
    """A text and a nested number; the caller reads both as they were."""
    stored = [record.payload or {} for record in sealed.client.scroll(DOCS)[0]]
    assert all(each["topic"].startswith("rbseal1.") for each in stored)
    assert all(each["deep"]["a"].startswith("rbseal1.") for each in stored)
    hits = sealed("query_points", DOCS, QUERY, using="dense").points
    assert {hit.id: hit.payload["deep"]["a"] for hit in hits} == {1: 1, 2: 2, 3: 3}
    assert topics(sealed) == {1: "y", 2: "x", 3: "z"}


def test_changes_are_sealed_for_each_point(sealed: Both) -> None:
    """By set, overwrite and batch."""
    sealed("set_payload", DOCS, {"topic": "new"}, models.Filter())
    sealed("overwrite_payload", DOCS, {"topic": "two"}, [2])
    change = models.SetPayload(payload={"topic": "three"}, points=[3])
    sealed("batch_update_points", DOCS, [models.SetPayloadOperation(set_payload=change)])
    assert topics(sealed) == {1: "new", 2: "two", 3: "three"}
    stored = [record.payload["topic"] for record in sealed.client.scroll(DOCS)[0]]
    assert (len(set(stored)), all(each.startswith("rbseal1.") for each in stored)) == (3, True)


def test_a_planted_or_moved_value_is_refused(sealed: Both) -> None:
    """Plain text and another point's sealed form, put there behind the guard."""
    first, second, *_ = sealed.client.scroll(DOCS)[0]
    for planted in ("plain", first.payload["topic"]):
        sealed.client.set_payload(DOCS, {"topic": planted}, [second.id])
        with pytest.raises(SealError, match="does not open"):
            sealed("scroll", DOCS)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("count", {"count_filter": models.Filter(must=[
            models.FieldCondition(key="deep.a", match=models.MatchValue(value=1))])}),
        ("facet", {"key": "topic"}),
        ("scroll", {"order_by": "deep.a"}),
    ],
)  # fmt: skip
def test_sealed_values_are_not_compared(
    sealed: Both, method: str, arguments: dict[str, Any]
) -> None:
    """It would match nothing and look like an empty answer."""
    with pytest.raises(UsageError, match="sealed"):
        sealed(method, DOCS, **arguments)


def test_after_the_erasure_nothing_opens(sealed: Both, keys: TenantKeys) -> None:
    """Reading and writing say so; deleting still works."""
    keys.erase("acme")
    with pytest.raises(ErasedTenantError):
        sealed("scroll", DOCS)
    with pytest.raises(ErasedTenantError):
        sealed("upsert", DOCS, rows_of(0.0, range(9, 10)))
    sealed("delete", DOCS, models.Filter())
    assert sealed.client.count(DOCS).count == 0


def test_all_three_together(kind: str, keys: TenantKeys) -> None:
    """A labelled, sealed document is read by whom its label names, within the quota."""
    client = empty()
    shared: dict[str, Any] = {
        "access": DocumentAccess(events=MemoryEventSink()),
        "quotas": Quotas(QuotaSettings(points_per_collection=1), events=MemoryEventSink()),
        "cipher": PayloadCipher(keys, fields=("topic",)),
    }
    ann, eve = (
        Both(client, kind, operator_context(tenant="acme", principal=name), **shared)
        for name in ("ann", "eve")
    )
    ann("upsert", DOCS, [row(1, topic="plan")])
    assert (topics(ann), topics(eve)) == ({1: "plan"}, {})
    with pytest.raises(QuotaError):
        eve("upsert", DOCS, [row(2, topic="more")])
    shared["quotas"].close()


def test_idf_of_a_caller_is_confined(world: SimpleNamespace) -> None:
    """A corpus that names other points counts the tenant's among them only; the guard's keys no."""
    acme = world.guard(filled())
    words = models.SparseVector(indices=[0, 1], values=[1.0, 1.0])

    def scores(params: models.SearchParams | None) -> list[float]:
        found = acme("query_points", DOCS, words, using="words", search_params=params, limit=99)
        return [round(point.score, 6) for point in found.points]

    def corpus(key: str, value: Any) -> models.SearchParams:
        condition = models.FieldCondition(key=key, match=models.MatchValue(value=value))
        chosen = models.Filter(should=[condition, models.FieldCondition(
            key="n", range=models.Range(gte=0))])  # fmt: skip
        return models.SearchParams(idf=models.IdfCorpusParams(corpus=chosen))

    assert scores(corpus("mark", "shift 0.7")) == scores(None)
    with pytest.raises(IsolationError, match="names 'tenant'"):
        scores(corpus("tenant", "globex"))


def test_the_real_classes_fit_the_hooks(keys: TenantKeys) -> None:
    """As the type checkers see them."""
    access: hooks.DocumentAccess = DocumentAccess()
    quotas: hooks.Quotas = Quotas()
    cipher: hooks.PayloadCipher = PayloadCipher(keys)
    assert (access.conditions.__name__, tuple(cipher.fields)) == ("conditions", ("text",))
    assert quotas.mark(operator_context(tenant="acme", principal="app")) >= 0
