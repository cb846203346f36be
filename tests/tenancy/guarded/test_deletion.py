"""Soft deletion through both guarded clients, with the real `DocumentAccess`."""

from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import AccessError, IsolationError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.tenancy import AccessLabel, DocumentAccess, operator_context

from .conftest import DOCS, SETUP, Both, vectors_of

EVERYTHING = models.Filter()


class Library:
    """A collection with documents of ann and bob of acme, and of gus of globex."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.client = QdrantClient(":memory:")
        self.client.create_collection(DOCS, **SETUP)
        self.events = MemoryEventSink()
        everyone = frozenset({"all"})
        for tenant, owner, number in (("acme", "ann", 1), ("acme", "bob", 2), ("globex", "gus", 1)):
            label = AccessLabel(groups=everyone, classification=1)
            point = models.PointStruct(
                id=number, vector=vectors_of(number, 0.0), payload=label.as_payload()
            )
            self.of(owner, tenant)("upsert", DOCS, [point])

    def of(self, principal: str, tenant: str = "acme", **more: Any) -> Both:
        """Return the guard of a principal who is in the group of all."""
        context = operator_context(
            tenant=tenant, principal=principal, **{"groups": ["all"], "clearance": 1, **more}
        )
        access = DocumentAccess(AccessSettings(), self.events)
        return Both(self.client, self.kind, context, access=access)

    def seen(self, principal: str = "eve", tenant: str = "acme") -> list[object]:
        """Return the ids that a reader is given."""
        page, _ = self.of(principal, tenant)("scroll", DOCS)
        return sorted(point.id for point in page)


@pytest.fixture
def library(kind: str) -> Library:
    """A library for each kind of client."""
    return Library(kind)


def test_an_owner_hides_a_document(library: Library) -> None:
    """It is gone for every reader, and it is said who did it."""
    library.of("ann")("soft_delete", DOCS, [1])
    assert library.seen() == library.seen("ann") == [2]
    [event] = [event for event in library.events.events if event.kind == "access.deleted"]
    assert (event.principal, event.subject) == ("ann", "1")


@pytest.mark.parametrize("chosen", [[1, 2], EVERYTHING], ids=["ids", "filter"])
def test_only_what_may_be_changed_is_hidden(library: Library, chosen: Any) -> None:
    """Of a wide choice the own documents go, and no other tenant's or principal's."""
    library.of("ann")("soft_delete", DOCS, chosen)
    assert library.seen() == [2]
    assert library.seen("gus", "globex") == [1]


def test_a_curator_brings_it_back(library: Library) -> None:
    """Everything deleted that the choice names is shown again, with its label as it was."""
    library.of("ann")("soft_delete", DOCS, [1])
    library.of("gus", "globex")("soft_delete", DOCS, [1])
    curator = library.of("cy", roles=["curator"], groups=[])
    curator("restore_deleted", DOCS, EVERYTHING)
    assert library.seen() == [1, 2]
    assert library.seen("gus", "globex") == []


def test_a_restoration_names_what_it_restores(library: Library) -> None:
    """What the choice leaves out stays deleted."""
    curator = library.of("cy", roles=["curator"], groups=[])
    curator("soft_delete", DOCS, EVERYTHING)
    assert library.seen() == []
    curator("restore_deleted", DOCS, [2])
    assert library.seen() == [2]


def test_an_owner_does_not_restore(library: Library) -> None:
    """Restoring takes a role, whether there is anything to restore or not."""
    library.of("ann")("soft_delete", DOCS, [1])
    with pytest.raises(AccessError, match="'admin' or 'curator'"):
        library.of("ann")("restore_deleted", DOCS, [1])
    assert library.seen() == [2]


def test_clearance_holds_for_curators(library: Library) -> None:
    """A curator hides nothing that it has no clearance for."""
    library.of("cy", roles=["curator"], clearance=0)("soft_delete", DOCS, EVERYTHING)
    assert library.seen() == [1, 2]


def test_without_access_nothing_would_hide(library: Library) -> None:
    """The call is refused rather than done to no effect."""
    context = operator_context(tenant="acme", principal="ann")
    bare = Both(library.client, library.kind, context)
    for method in ("soft_delete", "restore_deleted"):
        with pytest.raises(UsageError, match="access=DocumentAccess"):
            bare(method, DOCS, [1])


def test_a_filter_may_not_name_the_guards_keys(library: Library) -> None:
    """A choice by tenant is refused."""
    other = models.Filter(
        must=[models.FieldCondition(key="tenant", match=models.MatchValue(value="globex"))]
    )
    with pytest.raises(IsolationError):
        library.of("cy", roles=["curator"])("restore_deleted", DOCS, other)
