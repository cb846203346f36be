"""Labels that are changed while they are being changed: none is lost, and none comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ragbastion import Guard, Redactor, Scanner, Settings
from ragbastion.core.chunk import Matrix, TenantId
from ragbastion.core.errors import StoreError
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.ledger import Ledger
from ragbastion.policies import PolicyEngine
from ragbastion.retrieval_guard import GuardParts
from ragbastion.retrieval_guard.documents import Documents
from ragbastion.tenancy import AccessLabel, DocumentAccess, EdgeStore

from .conftest import COLLECTION, HashingEmbedder
from .test_guard_access import ANN, BOB, CURATOR, NAME, Desk, person

EVE = person("eve")
FOR_BOB, FOR_EVE = (AccessLabel(users=frozenset({name})) for name in ("bob", "eve"))


class Meanwhile:
    """Does something once, in the middle of something else."""

    act: Callable[[], object] | None = None

    def happen(self) -> None:
        """Do it, if it was not done yet."""
        act, self.act = self.act, None
        if act is not None:
            act()


class InterruptedStore(EdgeStore):
    """Lets something happen before a payload is set."""

    meanwhile: Meanwhile

    def set_payload(self, *rest: Any) -> None:
        """Set it, later."""
        self.meanwhile.happen()
        super().set_payload(*rest)


class InterruptedEmbedder(HashingEmbedder):
    """Lets something happen while a document is embedded."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        self._meanwhile = meanwhile

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Embed, later."""
        self._meanwhile.happen()
        return super().embed(texts)


@pytest.fixture
def meanwhile() -> Meanwhile:
    """What is to happen."""
    return Meanwhile()


@pytest.fixture
def office(
    meanwhile: Meanwhile,
    tmp_path: Path,
    scanner: Scanner,
    redactor: Redactor,
    policies: PolicyEngine,
) -> Iterator[Desk]:
    """A guard over an interrupted store, with one document of ann's."""
    events = MemoryEventSink()
    store = InterruptedStore(tmp_path / "store")
    store.meanwhile = meanwhile
    parts = GuardParts(
        store=store,
        embedder=InterruptedEmbedder(meanwhile),
        scanner=scanner,
        redactor=redactor,
        policies=policies,
        events=events,
    )
    settings = Settings(state_dir=tmp_path / "state", access={"enabled": True})
    with closing(store), Guard.from_settings(settings, parts) as guard:
        desk = Desk(guard, events)
        desk.add()
        yield desk


def in_another_process(office: Desk, act: Callable[[Documents], object]) -> Callable[[], None]:
    """Return what does the act with a ledger of its own."""

    def done() -> None:
        with closing(Ledger(office.guard.settings.state_dir / "ledger.db")) as ledger:
            info = office.guard.store.collection(COLLECTION)
            access = DocumentAccess(events=MemoryEventSink())
            act(Documents(office.guard.store, ledger, access, info))

    return done


def stored(office: Desk) -> Mapping[str, Any]:
    """Return the payload of the document's point."""
    [point] = office.guard.store.scroll(COLLECTION, TenantId("acme"))
    return point.payload


def test_a_later_label_is_not_written_over(meanwhile: Meanwhile, office: Desk) -> None:
    """Of two that change a label, the one whom the ledger took last is the store's as well."""
    meanwhile.act = in_another_process(office, lambda them: them.label(NAME, ANN, FOR_EVE))
    office.guard.documents(ANN).label(NAME, ANN, FOR_BOB)
    assert (office.reads(BOB), office.reads(EVE)) == ([], [NAME.document])
    assert office.guard.verify(tenant="acme").clean


def test_an_ingest_does_not_bring_a_deleted_document_back(
    meanwhile: Meanwhile, office: Desk
) -> None:
    """One that read the label before the deletion stops; the document stays deleted."""
    meanwhile.act = in_another_process(office, lambda them: them.delete(NAME, CURATOR))
    with pytest.raises(StoreError, match="meanwhile"):
        office.add(text=b"Refunds for annual plans are paid within ten days.")
    assert office.reads(ANN) == []
    report = office.add(text=b"Refunds for annual plans are paid within ten days.")
    assert [failure.error for failure in report.failures] == ["AccessError"]
    assert office.guard.verify(tenant="acme").clean


def test_a_reader_between_ledger_and_store_needs_both(meanwhile: Meanwhile, office: Desk) -> None:
    """Until the store follows, neither the old readers nor the new ones are served, silently."""
    office.guard.documents(ANN).label(NAME, ANN, FOR_BOB)
    between: list[list[str]] = []
    meanwhile.act = lambda: between.extend(office.reads(who) for who in (BOB, EVE, ANN))
    office.guard.documents(ANN).label(NAME, ANN, FOR_EVE)
    assert between == [[], [], [NAME.document]]
    assert (office.reads(BOB), office.reads(EVE)) == ([], [NAME.document])
    retrieved = [event for event in office.events.events if event.kind == "retrieve"]
    assert [event.detail["dropped"] for event in retrieved] == [[]] * len(retrieved)
