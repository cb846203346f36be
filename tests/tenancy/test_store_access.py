"""Access rules in the filter of every adapter, and in its check of what comes back."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.errors import IsolationError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.core.store import Hit, StoredPoint
from ragbastion.tenancy import TenantStore
from ragbastion.tenancy.access import DocumentAccess
from ragbastion.tenancy.access_labels import DELETED_AT, OWNER, AccessLabel
from ragbastion.tenancy.access_rules import HasOne
from ragbastion.tenancy.context import TenantContext, operator_context
from ragbastion.tenancy.point_identity import ID_KEY, namespaced_id
from ragbastion.tenancy.point_records import UnopenedPoint, each_opened, require_readable

ACME = TenantId("acme")
GLOBEX = TenantId("globex")
QUERY = np.array([1, 0, 0, 0], np.float32)
LABELS: list[dict[str, Any]] = [
    {},
    *(
        AccessLabel(
            owner=owner,
            users=frozenset(users),
            groups=frozenset(groups),
            department=department,
            classification=level,
        ).as_payload()
        for owner, users, groups, department, level in product(
            ["ann", "bob"], [(), ("eve", "cy")], [(), ("it", "hr")], ["", "law"], [0, 2]
        )
    ),
    {OWNER: "ann"},
]
ROWS = [*LABELS, *({**row, DELETED_AT: 1.0} for row in LABELS), {**LABELS[1], DELETED_AT: None}]
READERS = [
    operator_context(tenant="acme", principal="ann", clearance=2),
    operator_context(tenant="acme", principal="eve", groups=["hr"], clearance=0),
    operator_context(tenant="acme", principal="zoe", department="law", clearance=3),
]


def fill(store: TenantStore, collection: str, tenant: TenantId = ACME) -> list[StoredPoint]:
    """Store a point for each label."""
    points = [
        StoredPoint(id=ChunkId(str(at)), vector=np.array([9, at, 0, 0]), payload=row)
        for at, row in enumerate(ROWS)
    ]
    store.upsert(collection, tenant, points)
    return points


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.principal)
@pytest.mark.parametrize("unlabelled", ["deny", "allow"])
def test_search_finds_what_is_admitted(
    store: TenantStore, collection: str, reader: TenantContext, unlabelled: str
) -> None:
    """A search under the rule finds each admitted document of the tenant, and nothing else."""
    settings = AccessSettings.model_validate({"unlabelled": unlabelled})
    access = DocumentAccess(settings, MemoryEventSink())
    fill(store, collection)
    fill(store, collection, GLOBEX)
    hits = store.search_readable(collection, ACME, QUERY, 100, access.rule(reader))
    assert {hit.point.payload["tenant"] for hit in hits} == {"acme"}
    found = sorted(int(hit.point.id) for hit in hits)
    assert found == [at for at, row in enumerate(ROWS) if access.admits(reader, row)]


def test_nearest_readable_are_found_past_others(store: TenantStore, collection: str) -> None:
    """Nearer documents of others take no place in the answer."""
    rows = [{OWNER: "ann" if at >= 30 else "bob"} for at in range(40)]
    store.upsert(
        collection,
        ACME,
        [
            StoredPoint(id=ChunkId(str(at)), vector=np.array([9, at, 0, 0]), payload=row)
            for at, row in enumerate(rows)
        ],
    )
    rule = HasOne(OWNER, frozenset({"ann"}))
    hits = store.search_readable(collection, ACME, QUERY, 3, rule)
    assert [hit.point.id for hit in hits] == ["30", "31", "32"]


def test_nothing_readable_is_an_empty_answer(store: TenantStore, collection: str) -> None:
    """A reader whom nothing is granted is not told apart from one whose query fits nothing."""
    fill(store, collection)
    rule = HasOne(OWNER, frozenset({"nobody"}))
    assert store.search_readable(collection, ACME, QUERY, 5, rule) == []


def test_payload_is_set_where_the_rule_holds(store: TenantStore, collection: str) -> None:
    """Of the named points of the tenant those of the owner change, and no other keys of them."""
    points = fill(store, collection)
    fill(store, collection, GLOBEX)
    named = [point.id for point in points[:30]]
    rule = HasOne(OWNER, frozenset({"ann"}))
    store.set_payload(collection, ACME, named, {"mark": 1, DELETED_AT: None}, rule)
    marked = [point for point in store.scroll(collection, ACME) if "mark" in point.payload]
    own = {point.id for point in points[:30] if point.payload.get(OWNER) == "ann"}
    assert {point.id for point in marked} == own
    assert all(point.payload[OWNER] == "ann" for point in marked)
    assert not any("mark" in point.payload for point in store.scroll(collection, GLOBEX))


def test_guard_keys_are_not_set(store: TenantStore, collection: str) -> None:
    """The tenant of a point cannot be changed through its payload."""
    fill(store, collection)
    with pytest.raises(UsageError, match="key of the guard"):
        store.set_payload(
            collection, ACME, [ChunkId("1")], {"tenant": "x"}, HasOne(OWNER, frozenset({"ann"}))
        )


def test_answer_that_breaks_the_rule_is_withheld() -> None:
    """One hit that the rule does not admit withholds all of them."""
    good = Hit(point=StoredPoint(id=ChunkId("a"), vector=QUERY, payload={OWNER: "ann"}), score=1.0)
    bad = replace(good, point=replace(good.point, payload={OWNER: "bob"}))
    rule = HasOne(OWNER, frozenset({"ann"}))
    assert require_readable([good], rule) == [good]
    with pytest.raises(IsolationError, match="search withheld"):
        require_readable([good, bad], rule)


def test_each_point_is_scrolled(store: TenantStore, collection: str) -> None:
    """Without anything wrong, each point comes as from `scroll`."""
    fill(store, collection)
    each = list(store.scroll_each(collection, ACME))
    assert not any(isinstance(item, UnopenedPoint) for item in each)
    assert [item.id for item in each] == [point.id for point in store.scroll(collection, ACME)]


def test_a_foreign_point_is_told_and_the_others_come() -> None:
    """One row that is not the tenant's is an error in its place."""
    own = (namespaced_id(ACME, "a"), [1.0, 0.0], {"tenant": "acme", ID_KEY: "a", "text": "t"})
    foreign = (namespaced_id(GLOBEX, "a"), [1.0, 0.0], {"tenant": "globex", ID_KEY: "a"})
    first, second, third = each_opened(ACME, [own, foreign, own])
    assert isinstance(second, UnopenedPoint)
    assert isinstance(second.error, IsolationError)
    assert [point.id for point in (first, third)] == ["a", "a"]
