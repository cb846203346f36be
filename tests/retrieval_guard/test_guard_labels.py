"""Whoever writes to the store past the guard can neither open a document nor bring one back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ragbastion import Guard, Redactor, Scanner, Settings
from ragbastion.core.chunk import TenantId
from ragbastion.core.errors import AccessError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.policies import PolicyEngine
from ragbastion.retrieval_guard import GuardParts, PointState
from ragbastion.tenancy import AccessLabel
from ragbastion.tenancy.access_labels import CLASSIFICATION, OWNER, USERS, without_label

from .conftest import COLLECTION, HashingEmbedder
from .test_guard_access import ANN, ASK, BOB, CURATOR, NAME, Desk, person

ACME = TenantId("acme")
EVE = person("eve")
SALES = AccessLabel(groups=frozenset({"sales"}))


@pytest.fixture(params=["embedded", "qdrant"])
def office(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    scanner: Scanner,
    redactor: Redactor,
    policies: PolicyEngine,
) -> Iterator[Desk]:
    """A guard with access enabled and one document of ann's, open to sales."""
    events = MemoryEventSink()
    store = str(tmp_path / "store") if request.param == "embedded" else ":memory:"
    settings = Settings(state_dir=tmp_path / "state", store=store, access={"enabled": True})
    parts = GuardParts(
        embedder=HashingEmbedder(),
        scanner=scanner,
        redactor=redactor,
        policies=policies,
        events=events,
    )
    with Guard.from_settings(settings, parts) as guard:
        desk = Desk(guard, events)
        desk.add(label=SALES)
        yield desk


def point(office: Desk) -> StoredPoint:
    """Return the document's one point."""
    [found] = office.guard.store.scroll(COLLECTION, ACME)
    return found


def write(office: Desk, payload: dict[str, Any]) -> None:
    """Write the point's payload past the guard."""
    office.guard.store.upsert(COLLECTION, ACME, [replace(point(office), payload=payload)])


def test_a_widened_label_is_named_and_told_to_nobody(office: Desk) -> None:
    """The new reader gets nothing, not even which document; audit log and sweep name the point."""
    write(office, {**point(office).payload, USERS: ["eve"]})
    answer = office.guard.retrieve(ASK, EVE)
    assert answer.chunks == ()
    [dropped] = answer.dropped
    assert (dropped.id, dropped.source, dropped.step) == ("withheld", "withheld", "label")
    assert point(office).id not in str(answer.as_dict())
    retrieved = [event for event in office.events.events if event.kind == "retrieve"][-1]
    assert retrieved.detail["dropped"][0]["id"] == point(office).id
    report = office.guard.verify(tenant="acme")
    assert (report.counts[PointState.RELABELLED], report.clean) == (1, False)


def test_an_earlier_label_put_back_opens_nothing(office: Desk) -> None:
    """A document that was taken from its readers stays taken from them."""
    before = point(office).payload
    office.guard.documents(ANN).label(NAME, ANN, AccessLabel(users=frozenset({"eve"})))
    write(office, dict(before))
    assert office.reads(BOB) == []
    office.guard.documents(ANN).label(NAME, ANN, AccessLabel(users=frozenset({"eve"})))
    assert (office.reads(BOB), office.reads(EVE)) == ([], ["refunds.txt"])
    assert office.guard.verify(tenant="acme").clean


def test_a_deleted_document_stays_deleted(office: Desk) -> None:
    """Its point as it stood before is not served, and a curator's restore goes on as ever."""
    before = point(office).payload
    office.guard.documents(ANN).delete(NAME, ANN)
    write(office, dict(before))
    assert office.reads(BOB) == []
    assert office.guard.verify(tenant="acme").counts[PointState.RELABELLED] == 1
    office.guard.documents(CURATOR).restore(NAME, CURATOR)
    assert office.reads(BOB) == ["refunds.txt"]
    assert office.guard.verify(tenant="acme").clean


def test_an_owner_in_the_store_owns_nothing(office: Desk) -> None:
    """Neither a change of the label nor a new version goes by what the point says."""
    write(office, {**point(office).payload, OWNER: "eve", CLASSIFICATION: 0})
    with pytest.raises(AccessError):
        office.guard.documents(EVE).label(NAME, EVE, AccessLabel(users=frozenset({"eve"})))
    report = office.add(writer=EVE, text=b"Refunds for annual plans go to eve.")
    assert [failure.error for failure in report.failures] == ["AccessError"]
    assert office.reads(EVE) == []


def test_the_owner_writes_a_removed_label_again(office: Desk) -> None:
    """The label that the document has, given again, mends the store."""
    write(office, without_label(point(office).payload))
    assert office.reads(BOB) == []
    office.guard.documents(ANN).label(NAME, ANN, SALES)
    assert office.reads(BOB) == ["refunds.txt"]
    assert office.guard.verify(tenant="acme").clean


def test_a_new_version_with_another_label_raises_no_alarm(office: Desk) -> None:
    """The readers of the new label are served, and the sweep finds nothing."""
    other = AccessLabel(users=frozenset({"eve"}))
    office.add(label=other, text=b"Refunds for annual plans are paid within ten days.")
    assert (office.reads(BOB), office.reads(EVE)) == ([], ["refunds.txt"])
    assert office.guard.verify(tenant="acme").clean
