"""Document access, quotas and a cipher are asked in every method that needs them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from qdrant_client import models
from ragbastion.core.errors import (
    AccessError,
    IntegrityError,
    IsolationError,
    LimitError,
    UsageError,
)
from ragbastion.tenancy import TenantContext

QUERY = [1.0, 0.5, 0.5, 0.0]
LEVEL = "_ragbastion_access_level"
EVERYTHING = models.Filter()


class Levels:
    """Shows documents up to a level, and lets those of level 0 be changed."""

    def __init__(self, level: int) -> None:
        self.level = level

    def conditions(self, context: TenantContext) -> list[models.Condition]:
        """Return the condition on a document's level."""
        return [models.FieldCondition(key=LEVEL, range=models.Range(lte=self.level))]

    def admits(self, context: TenantContext, payload: Mapping[str, Any]) -> bool:
        """Say whether a document's level is low enough."""
        return LEVEL in payload and payload[LEVEL] <= self.level

    def change_conditions(self, context: TenantContext) -> list[models.Condition]:
        """Return the condition of what may be changed."""
        return [models.FieldCondition(key=LEVEL, match=models.MatchValue(value=0))]

    def labelled(
        self,
        context: TenantContext,
        payload: Mapping[str, Any],
        *,
        stored: Mapping[str, Any] | None,
        document: str,
    ) -> dict[str, Any]:
        """Keep a stored level; refuse one above the context's."""
        level = payload.get(LEVEL, (stored or {}).get(LEVEL, 0))
        if level > self.level:
            raise AccessError("label refused: it is above the writer's")
        return {**payload, LEVEL: level}


class Limits:
    """Allows a number of calls and of points, and knows what is reserved now."""

    def __init__(self, calls: int = 1000, points: int = 1000) -> None:
        self.calls, self.points, self.reserved = calls, points, 0
        self.asked: list[tuple[str, int, int]] = []

    def spend_call(self, context: TenantContext) -> None:
        """Count a call."""
        if not self.calls:
            raise LimitError("calls are used up")
        self.calls -= 1

    def mark(self, context: TenantContext) -> int:
        """Return any mark."""
        return 7

    @contextmanager
    def _held(self, count: int) -> Iterator[None]:
        self.reserved += count
        try:
            yield
        finally:
            self.reserved -= count

    def reserve_points(
        self, context: TenantContext, collection: str, count: int, held: int, *, mark: int
    ) -> Any:
        """Reserve points until the block ends."""
        assert mark == 7
        self.asked.append((collection, count, held))
        if held + count > self.points:
            raise LimitError("points are used up")
        return self._held(count)


class Reversed:
    """Seals a text by turning it round, beside the place that it belongs to."""

    fields = ("topic", "deep.text")

    def sealed_payloads(
        self, tenant: str, points: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Return payloads with the topic sealed."""
        return [
            {k: f"{tenant}|{id_}|{v[::-1]}" if k == "topic" else v for k, v in payload.items()}
            for id_, payload in points
        ]

    def opened_payloads(
        self, tenant: str, points: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Return payloads with the topic opened."""
        return [
            {k: self._opened(tenant, id_, v) if k == "topic" else v for k, v in payload.items()}
            for id_, payload in points
        ]

    def refuse_keys(self, keys: Sequence[str], use: str) -> None:
        """Refuse the topic."""
        if any(key.startswith("topic") for key in keys):
            raise UsageError(f"{use} refused: it is sealed")

    def _opened(self, tenant: str, id_: str, sealed: str) -> str:
        place, _, text = sealed.rpartition("|")
        if place != f"{tenant}|{id_}":
            raise IntegrityError("it was moved")
        return text[::-1]


def levelled(world: SimpleNamespace, level: int) -> Any:
    """Return acme's guard at a level, over points 1 to 4 of the levels 0, 0, 1 and 2."""
    client = world.filled()
    world.guard(client)("delete", world.DOCS, EVERYTHING)
    editor = world.guard(client, access=Levels(9))
    for number, of_level in ((1, 0), (2, 0), (3, 1), (4, 2)):
        payload = {"topic": "x", "n": number, LEVEL: of_level}
        row = models.PointStruct(id=number, vector=world.vectors(number, 0.0), payload=payload)
        editor("upsert", world.DOCS, [row])
    return world.guard(client, access=Levels(level))


def levels(world: SimpleNamespace, client: Any) -> dict[str, Any]:
    """Return each of acme's points with its level."""
    return {id_: payload.get(LEVEL) for id_, payload, _ in world.dump(client, "acme")}


READS: list[tuple[str, dict[str, Any], Any]] = [
    ("count", {}, lambda given: given.count),
    ("scroll", {"limit": 9}, lambda given: sorted(r.id for r in given[0])),
    ("retrieve", {"ids": [1, 3, 4]}, lambda given: [r.id for r in given]),
    ("facet", {"key": "n"}, lambda given: sorted(h.value for h in given.hits)),
    ("query_points", {"query": QUERY, "using": "dense"}, lambda g: sorted(p.id for p in g.points)),
    ("query_batch_points", {"requests": [models.QueryRequest(query=QUERY, using="dense")]},
     lambda given: sorted(p.id for p in given[0].points)),
    ("query_points_groups", {"group_by": "n", "query": QUERY, "using": "dense"},
     lambda given: sorted(group.id for group in given.groups)),
    ("search_matrix_offsets", {"using": "dense"}, lambda given: sorted(given.ids)),
    ("get_collection", {}, lambda given: given.points_count),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "seen"), READS)
def test_access_narrows_every_read(
    world: SimpleNamespace, method: str, arguments: dict[str, Any], seen: Any
) -> None:
    """Documents above the level are neither returned nor counted."""
    shown = seen(levelled(world, 1)(method, world.DOCS, **arguments))
    expected: dict[str, Any] = {"count": 3, "get_collection": 3, "retrieve": [1, 3]}
    assert shown == expected.get(method, [1, 2, 3])


def test_access_is_checked_again(world: SimpleNamespace) -> None:
    """A document that a filter let through by mistake is withheld and reported."""
    acme = levelled(world, 1)
    acme.guarded._guard.scope.access.conditions = lambda context: []
    with pytest.raises(IsolationError, match="withheld"):
        acme("scroll", world.DOCS)
    assert acme.events.events[-1].kind == "tenancy.withheld"


def test_chosen_payload_keys_are_cut_after_the_check(world: SimpleNamespace) -> None:
    """The check reads the whole payload; the caller gets what was asked for."""
    acme = levelled(world, 1)
    chosen = {
        "some": ["n"],
        "all but": models.PayloadSelectorExclude(exclude=["topic", LEVEL]),
        "none": False,
    }
    shown = {
        name: acme("retrieve", world.DOCS, [1], with_payload=each)[0].payload
        for name, each in chosen.items()
    }
    assert shown == {"some": {"n": 1}, "all but": {"n": 1, "tenant": "acme"}, "none": None}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("delete", {"points_selector": [3, 4]}),
        ("set_payload", {"payload": {"n": 9}, "points": [3, 4]}),
        ("overwrite_payload", {"payload": {}, "points": [3, 4]}),
        ("clear_payload", {"points_selector": [3, 4]}),
        ("delete_payload", {"keys": ["n"], "points": [3, 4]}),
        ("delete_vectors", {"vectors": ["words"], "points": [3, 4]}),
        ("update_vectors", {"points": [models.PointVectors(id=4, vector={"dense": QUERY})]}),
        ("upsert", {"points": [models.PointStruct(id=4, vector={}, payload={"n": 9})]}),
        ("batch_update_points", {"update_operations": [
            models.UpsertOperation(upsert=models.PointsList(
                points=[models.PointStruct(id=4, vector={}, payload={"n": 9})])),
            models.DeleteOperation(delete=models.PointIdsList(points=[3]))]}),
    ],
)  # fmt: skip
def test_access_keeps_documents_from_writes(
    world: SimpleNamespace, method: str, arguments: dict[str, Any]
) -> None:
    """What may be read and not changed stays, and so does what may not be read."""
    acme = levelled(world, 1)
    before = world.dump(acme.client, None)
    acme(method, world.DOCS, **arguments)
    assert world.dump(acme.client, None) == before


def test_labels_stay_with_an_overwrite(world: SimpleNamespace) -> None:
    """A payload that is replaced or cleared keeps the label that was decided."""
    acme = levelled(world, 1)
    editing = acme.guarded._guard.scope.access
    editing.change_conditions = lambda context: []
    acme("overwrite_payload", world.DOCS, {"n": 5}, [3])
    acme("clear_payload", world.DOCS, models.Filter())
    acme("upsert", world.DOCS, [models.PointStruct(id=3, vector={}, payload={})])
    assert levels(world, acme.client) == {"1": 0, "2": 0, "3": 1, "4": 2}


def test_labels_are_not_set_past_the_access(world: SimpleNamespace) -> None:
    """Not by payload methods, not above one's own, and not at all where there is no access."""
    acme = levelled(world, 1)
    row = models.PointStruct(id=8, vector={}, payload={LEVEL: 2})
    with pytest.raises(AccessError, match="above"):
        acme("upsert", world.DOCS, [row])
    with pytest.raises(IsolationError, match="cannot be changed"):
        acme("set_payload", world.DOCS, {LEVEL: 0}, [1])
    with pytest.raises(IsolationError, match="cannot be changed"):
        acme("delete_payload", world.DOCS, [LEVEL], [1])
    plain = world.guard(acme.client)
    with pytest.raises(IsolationError, match="guard's own"):
        plain("upsert", world.DOCS, [row])
    assert levels(world, acme.client) == {"1": 0, "2": 0, "3": 1, "4": 2}


def test_every_call_is_spent(world: SimpleNamespace) -> None:
    """The call that finds none left is refused before the client is asked."""
    limits = Limits(calls=2)
    acme = world.guard(world.filled(), quotas=limits)
    acme("count", world.DOCS)
    acme("collection_exists", world.DOCS)
    with pytest.raises(LimitError, match="used up"):
        acme("delete", world.DOCS, EVERYTHING)
    assert acme.client.count(world.DOCS).count == 15


def test_new_points_are_reserved(world: SimpleNamespace) -> None:
    """Points that replace others take no room; the reservation ends with the write."""
    limits = Limits(points=8)
    acme = world.guard(world.filled(), quotas=limits)
    acme("upsert", world.DOCS, world.rows(0.0, range(5, 9)))
    with pytest.raises(LimitError, match="used up"):
        acme("upsert", world.DOCS, world.rows(0.0, range(8, 10)))
    operation = models.UpsertOperation(
        upsert=models.PointsList(points=world.rows(0.0, range(9, 10)))
    )
    with pytest.raises(LimitError, match="used up"):
        acme("batch_update_points", world.DOCS, [operation])
    assert limits.asked == [("docs", 2, 6), ("docs", 1, 8), ("docs", 1, 8)]
    assert (limits.reserved, acme("count", world.DOCS).count) == (0, 8)


def test_reservation_ends_when_the_write_fails(world: SimpleNamespace) -> None:
    """An error of the client frees the room at once."""
    limits = Limits()
    acme = world.guard(world.filled(), quotas=limits)
    wrong = models.PointStruct(id=50, vector={"dense": [1.0]}, payload={})
    with pytest.raises(Exception, match="cannot serve the call"):
        acme("upsert", world.DOCS, [wrong])
    assert (limits.asked, limits.reserved) == ([("docs", 1, 6)], 0)


def test_uploads_are_counted_where_they_can_be(world: SimpleNamespace, kind: str) -> None:
    """The async client's uploads do not await, so they are refused under quotas."""
    limits = Limits(points=8)
    acme = world.guard(world.filled(), quotas=limits)
    refusal = LimitError if kind == "sync" else UsageError
    with pytest.raises(refusal):
        acme("upload_points", world.DOCS, world.rows(0.0, range(1, 12)))
    assert acme("count", world.DOCS).count == 6


def sealed(world: SimpleNamespace) -> Any:
    """Return acme's guard with a cipher, over points 1 to 3."""
    client = world.filled()
    world.guard(client)("delete", world.DOCS, EVERYTHING)
    acme = world.guard(client, cipher=Reversed())
    acme("upsert", world.DOCS, world.rows(0.0, range(1, 4)))
    return acme


def topics(world: SimpleNamespace, acme: Any) -> dict[Any, Any]:
    """Return what the caller sees as each point's topic."""
    return {r.id: r.payload["topic"] for r in acme("scroll", world.DOCS)[0]}


def test_texts_are_sealed_at_rest_and_opened_for_the_tenant(world: SimpleNamespace) -> None:
    """The store holds nothing in plain; every read that shows payloads opens them."""
    acme = sealed(world)
    stored = [payload["topic"] for _, payload, _ in world.dump(acme.client, "acme")]
    assert all(topic.startswith("acme|") for topic in stored)
    assert topics(world, acme) == {1: "y", 2: "x", 3: "z"}
    hits = acme("query_points", world.DOCS, QUERY, using="dense").points
    assert {hit.payload["topic"] for hit in hits} == {"x", "y", "z"}
    (group, *_) = acme("query_points_groups", world.DOCS, "n", QUERY, using="dense").groups
    assert group.hits[0].payload["topic"] in {"x", "y", "z"}


def test_payload_changes_are_sealed_for_each_point(world: SimpleNamespace) -> None:
    """Setting or overwriting a sealed field for several points seals it once for each."""
    acme = sealed(world)
    acme("set_payload", world.DOCS, {"topic": "new"}, models.Filter())
    acme("overwrite_payload", world.DOCS, {"topic": "two"}, [2])
    operation = models.SetPayloadOperation(
        set_payload=models.SetPayload(payload={"topic": "three"}, points=[3])
    )
    acme("batch_update_points", world.DOCS, [operation])
    assert topics(world, acme) == {1: "new", 2: "two", 3: "three"}


def test_sealed_text_of_another_place_does_not_open(world: SimpleNamespace) -> None:
    """A ciphertext that was copied to another point stops the read."""
    acme = sealed(world)
    (first, second, *_) = acme.client.scroll(world.DOCS, limit=99)[0][-3:]
    acme.client.set_payload(world.DOCS, {"topic": first.payload["topic"]}, [second.id])
    with pytest.raises(IntegrityError, match="moved"):
        acme("scroll", world.DOCS)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("count", {"count_filter": models.Filter(must=[
            models.FieldCondition(key="topic", match=models.MatchValue(value="x"))])}),
        ("facet", {"key": "topic"}),
        ("query_points_groups", {"group_by": "topic", "query": QUERY}),
        ("scroll", {"order_by": "topic"}),
        ("set_payload", {"payload": {"a": 1}, "points": [1], "key": "topic.b"}),
    ],
)  # fmt: skip
def test_sealed_field_cannot_be_compared(
    world: SimpleNamespace, method: str, arguments: dict[str, Any]
) -> None:
    """A filter on it would match nothing and look like an empty answer."""
    with pytest.raises(UsageError, match="it is sealed"):
        sealed(world)(method, world.DOCS, **arguments)
