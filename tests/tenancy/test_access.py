"""Document-level access: one rule as filter and re-check, and who may set which label."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import AccessError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessChanges, AccessSettings
from ragbastion.tenancy.access import DocumentAccess
from ragbastion.tenancy.access_labels import (
    CLASSIFICATION,
    DELETED_AT,
    DELETION_KEYS,
    DEPARTMENT,
    GROUPS,
    OWNER,
    USERS,
    AccessLabel,
    names_label,
    without_label,
)
from ragbastion.tenancy.context import TenantContext, operator_context

OPEN = AccessSettings(unlabelled="allow")
NAMES = ["ann", "bob", "sales", "it"]


def context(principal: str = "ann", **known: Any) -> TenantContext:
    """Return a context of acme."""
    return operator_context(tenant="acme", principal=principal, **known)


def labelled(owner: str = "ann", **fields: Any) -> dict[str, Any]:
    """Return the payload of a labelled document."""
    return AccessLabel(owner=owner, **{"classification": 0, **fields}).as_payload()


names = st.sampled_from(NAMES)
odd = st.sampled_from([None, "", [], True, 7, 1.5, -1, ["ann", 3], ["bob", None], {"a": "ann"}])
payloads = st.fixed_dictionaries(
    {},
    optional={
        OWNER: names | odd,
        USERS: st.lists(names, max_size=2) | odd,
        GROUPS: st.lists(names, max_size=2) | odd,
        DEPARTMENT: names | odd,
        CLASSIFICATION: st.integers(0, 3) | st.lists(st.integers(0, 5), max_size=2) | odd,
        DELETED_AT: st.floats(1, 2e9) | odd,
        "text": names,
    },
)
contexts = st.builds(
    context,
    names,
    groups=st.frozensets(names, max_size=2),
    department=names | st.just(""),
    clearance=st.integers(0, 3),
    roles=st.frozensets(st.sampled_from(["curator", "admin", "reader"]), max_size=2),
)


def stored(rows: list[dict[str, Any]]) -> QdrantClient:
    """Return a client of Qdrant's local mode that holds the rows."""
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection("docs", vectors_config=size)
    points = [models.PointStruct(id=at, vector=[1.0], payload=row) for at, row in enumerate(rows)]
    client.upsert("docs", points)
    return client


def found(client: QdrantClient, conditions: list[models.Condition]) -> set[int]:
    """Return which rows are found, beside a caller's filter that tries to widen."""
    anything = models.IsEmptyCondition(is_empty=models.PayloadField(key="nowhere"))
    widening = models.Filter(should=[anything])
    mandatory = models.Filter(must=[*conditions, widening])
    page, _ = client.scroll("docs", scroll_filter=mandatory, limit=100)
    return {int(record.id) for record in page}


@settings(max_examples=60)
@given(rows=st.lists(payloads, min_size=1, max_size=20), reader=contexts, unlabelled=st.booleans())
def test_filter_and_re_check_agree(
    rows: list[dict[str, Any]], reader: TenantContext, unlabelled: bool
) -> None:
    """Whatever labels and contexts, well-formed or not, Qdrant finds exactly what is admitted."""
    access = DocumentAccess(OPEN if unlabelled else AccessSettings(), MemoryEventSink())
    client = stored(rows)
    admitted = {at for at, row in enumerate(rows) if access.admits(reader, row)}
    assert found(client, access.conditions(reader)) == admitted
    changeable = {at for at, row in enumerate(rows) if access.may_change(reader, row)}
    assert found(client, access.change_conditions(reader)) == changeable
    if "curator" in reader.roles:
        shown = {at for at, row in enumerate(rows) if access.admits(reader, row, deleted=True)}
        assert found(client, access.conditions(reader, deleted=True)) == shown >= admitted


@settings(max_examples=60)
@given(row=payloads, reader=contexts, unlabelled=st.booleans())
def test_admission_never_passes_the_clearance(
    row: dict[str, Any], reader: TenantContext, unlabelled: bool
) -> None:
    """What is admitted is not deleted, and is unlabelled or within the clearance."""
    access = DocumentAccess(OPEN if unlabelled else AccessSettings(), MemoryEventSink())
    if access.admits(reader, row):
        level = row.get(CLASSIFICATION)
        levels = level if isinstance(level, list) else [level]
        numbers = [each for each in levels if isinstance(each, int | float)]
        assert row.get(DELETED_AT) in (None, [])
        assert all(each <= reader.clearance for each in numbers)


@pytest.mark.parametrize(
    ("reader", "label", "admitted"),
    [
        (context("ann"), labelled("ann"), True),
        (context("bob"), labelled("ann"), False),
        (context("bob"), labelled("ann", users=frozenset({"bob"})), True),
        (context("bob", groups=["hr", "it"]), labelled(groups=frozenset({"it"})), True),
        (context("bob", groups=["hr"]), labelled(groups=frozenset({"it"})), False),
        (context("bob", department="law"), labelled(department="law"), True),
        (context("bob", department="it"), labelled(department="law"), False),
        (context("bob", groups=["ann"], department="ann"), labelled("ann"), False),
        (context("ann", clearance=1), labelled("ann", classification=2), False),
        (context("ann", clearance=2), labelled("ann", classification=2), True),
        (context("bob", roles=["admin", "curator"], clearance=3), labelled("ann"), False),
        (context("ann", clearance=3), {OWNER: "ann"}, False),
        (context("ann", clearance=3), {"text": "no label"}, False),
        (context("ann"), {**labelled("ann"), DELETED_AT: 1.0}, False),
        (context("Ann"), labelled("ann"), False),
    ],
)
def test_who_reads(reader: TenantContext, label: dict[str, Any], admitted: bool) -> None:
    """Owner, users, groups or department open a document, and the clearance always counts."""
    assert DocumentAccess(events=MemoryEventSink()).admits(reader, label) is admitted


def test_unlabelled_is_opened_by_the_tenant_alone() -> None:
    """A document without a label is readable where the setting of its tenant says so."""
    chosen = AccessSettings(tenants={"acme": AccessChanges(unlabelled="allow")})
    access = DocumentAccess(chosen, MemoryEventSink())
    other = operator_context(tenant="globex", principal="ann")
    assert (access.admits(context(), {}), access.admits(other, {})) == (True, False)


def test_deleted_is_shown_to_curators_who_ask() -> None:
    """A curator sees deleted documents on request, and still needs a grant."""
    access = DocumentAccess(events=MemoryEventSink())
    row = {**labelled("ann"), DELETED_AT: 5.0}
    curator = context("ann", roles=["curator"])
    assert access.admits(curator, row, deleted=True)
    assert not access.admits(curator, row)
    assert not access.admits(context("bob", roles=["curator"]), row, deleted=True)


def test_deleted_is_refused_to_others() -> None:
    """Asking for deleted documents without the role is an error and an event."""
    sink = MemoryEventSink()
    with pytest.raises(AccessError, match="curator"):
        DocumentAccess(events=sink).conditions(context(roles=["admin"]), deleted=True)
    assert [(event.kind, event.outcome) for event in sink.events] == [("access.refused", "refused")]


def test_owner_defaults_to_the_writer() -> None:
    """A document written without a label is its writer's, with the default classification."""
    access = DocumentAccess(AccessSettings(default_classification=1), MemoryEventSink())
    written = access.labelled(context(clearance=1), {"text": "x"})
    assert written == {"text": "x", OWNER: "ann", CLASSIFICATION: 1}


def test_label_in_the_payload_counts() -> None:
    """A label may come in under its payload keys, as a client's upsert brings it."""
    access = DocumentAccess(events=MemoryEventSink())
    written = access.labelled(context(), {"text": "x", GROUPS: ["it", "hr", "it"]})
    assert written == {"text": "x", OWNER: "ann", GROUPS: ["hr", "it"], CLASSIFICATION: 0}


@pytest.mark.parametrize(
    ("writer", "payload", "stored", "settings_"),
    [
        (context("ann"), {OWNER: "bob"}, None, {}),
        (context("ann", clearance=1), {CLASSIFICATION: 2}, None, {}),
        (context("ann"), {}, None, {"default_classification": 1}),
        (context("ann"), {DELETED_AT: 1.0}, None, {}),
        (context("ann"), {"_ragbastion_access_new": 1}, None, {}),
        (context("bob"), {}, labelled("ann", users=frozenset({"bob"})), {}),
        (context("ann", clearance=1), {}, labelled("ann", classification=2), {}),
        (context("bob", roles=["curator"], clearance=1), {}, labelled(classification=2), {}),
        (context("ann", clearance=2), {CLASSIFICATION: 1}, labelled(classification=2), {}),
        (context("ann"), {}, {**labelled("ann"), DELETED_AT: 1.0}, {}),
        (context("ann"), {OWNER: "bob"}, labelled("ann"), {}),
        (context("ann"), {}, {"text": "unlabelled"}, {"unlabelled": "allow"}),
    ],
)
def test_label_is_refused(
    writer: TenantContext,
    payload: dict[str, Any],
    stored: dict[str, Any] | None,
    settings_: Mapping[str, Any],
) -> None:
    """What a writer may not set raises and is reported."""
    sink = MemoryEventSink()
    access = DocumentAccess(AccessSettings.model_validate(settings_), sink)
    with pytest.raises(AccessError):
        access.labelled(writer, payload, stored=stored)
    assert [event.kind for event in sink.events] == ["access.refused"]


@pytest.mark.parametrize(
    "payload",
    [
        {OWNER: 5},
        {OWNER: ["ann"]},
        {OWNER: "a\u200bnn"},
        {OWNER: "e\u0301ve"},
        {OWNER: "x" * 10_000},
        {USERS: "ann"},
        {USERS: ["ann", ""]},
        {GROUPS: [["it"]]},
        {GROUPS: [f"g{at}" for at in range(1_001)]},
        {DEPARTMENT: {"name": "it"}},
        {CLASSIFICATION: 4},
        {CLASSIFICATION: -1},
        {CLASSIFICATION: "0"},
        {CLASSIFICATION: True},
        {CLASSIFICATION: 0.5},
        {CLASSIFICATION: [0]},
    ],
)
def test_malformed_label_is_refused(payload: dict[str, Any]) -> None:
    """A label of wrong types, names or values raises, is reported, and is not echoed."""
    sink = MemoryEventSink()
    with pytest.raises(UsageError, match="access label refused") as refused:
        DocumentAccess(events=sink).labelled(context("ann", roles=["admin"]), payload)
    assert "\u200b" not in str(refused.value)
    assert len(str(refused.value)) < 200
    assert [event.kind for event in sink.events] == ["access.refused"]


def test_two_labels_are_refused() -> None:
    """A label as argument beside one in the payload says nothing certain."""
    access = DocumentAccess(events=MemoryEventSink())
    with pytest.raises(UsageError, match="not both"):
        access.labelled(context(), {OWNER: "ann"}, AccessLabel())


def test_rewriting_keeps_the_label() -> None:
    """An owner who writes without a label leaves the old one as it was."""
    access = DocumentAccess(events=MemoryEventSink())
    stored = labelled("ann", users=frozenset({"bob"}), classification=1)
    written = access.labelled(context(clearance=2), {"text": "new"}, stored=stored)
    assert written == {"text": "new", **stored}


def test_new_label_lowers_nothing_by_silence() -> None:
    """A label that leaves owner and classification out keeps the document's."""
    access = DocumentAccess(events=MemoryEventSink())
    curator = context("bob", roles=["curator"], clearance=3)
    label = AccessLabel(groups=frozenset({"it"}))
    written = access.labelled(curator, {}, label, stored=labelled("ann", classification=2))
    assert written == {OWNER: "ann", GROUPS: ["it"], CLASSIFICATION: 2}


def test_curator_declassifies_and_it_is_reported() -> None:
    """Lowering a classification is a curator's act, and leaves an event with both levels."""
    sink = MemoryEventSink()
    curator = context("bob", roles=["curator"], clearance=2)
    label = AccessLabel(classification=0)
    stored = labelled("ann", classification=2)
    DocumentAccess(events=sink).labelled(curator, {}, label, stored=stored, document="d1")
    (event,) = sink.events
    assert (event.kind, event.subject) == ("access.labelled", "d1")
    assert dict(event.detail) == {"from": 2, "to": 0, "curator": True}


def test_tenant_lets_owners_declassify_and_write_up() -> None:
    """Both rules are loosened by the tenant's settings, and by nothing else."""
    chosen = AccessSettings(owner_declassifies=True, write_up="allow")
    access = DocumentAccess(chosen, MemoryEventSink())
    lowered = access.labelled(
        context(clearance=2), {CLASSIFICATION: 0}, stored=labelled(classification=2)
    )
    raised = access.labelled(context(clearance=0), {CLASSIFICATION: 3})
    assert (lowered[CLASSIFICATION], raised[CLASSIFICATION]) == (0, 3)


def test_curator_corrects_common_text_without_taking_it() -> None:
    """Where unlabelled documents are common, a curator's new text stays unlabelled."""
    access = DocumentAccess(OPEN, MemoryEventSink())
    curator = context("bob", roles=["curator"])
    assert access.labelled(curator, {"text": "new"}, stored={"text": "old"}) == {"text": "new"}


def test_document_is_deleted_restored_and_purged() -> None:
    """Soft delete hides a document at once; a curator restores it or purges it when it is old."""
    access = DocumentAccess(AccessSettings(retention_days=1), MemoryEventSink())
    curator = context("cy", roles=["curator"])
    kept = labelled("ann")
    gone = {**kept, **access.deletion(context("ann"), kept)}
    assert set(gone) - set(kept) == set(DELETION_KEYS)
    assert not access.admits(context("ann"), gone)
    client = stored([kept, gone])
    later = gone[DELETED_AT] + 90_000
    assert found(client, access.restore_conditions(curator)) == {1}
    assert found(client, access.purge_conditions(curator)) == set()
    assert found(client, access.purge_conditions(curator, later)) == {1}


def test_reader_cannot_delete() -> None:
    """A grant to read is none to delete."""
    access = DocumentAccess(events=MemoryEventSink())
    with pytest.raises(AccessError, match="change of a document refused"):
        access.deletion(context("bob"), labelled("ann", users=frozenset({"bob"})))


@pytest.mark.parametrize("act", ["restore_conditions", "purge_conditions"])
def test_owner_neither_restores_nor_purges(act: str) -> None:
    """Restoring and purging are a curator's."""
    with pytest.raises(AccessError, match="curator"):
        getattr(DocumentAccess(events=MemoryEventSink()), act)(context("ann"))


def test_label_keys_are_told_from_others() -> None:
    """Paths into a label are recognised however they are spelled, and can be left out."""
    spelled = [OWNER, f'"{OWNER}"', f" {USERS}[0]", f"{GROUPS}[]", "_ragbastion_access_x.y"]
    assert [names_label(path) for path in spelled] == [True] * 5
    assert not names_label("owner")
    assert without_label({"text": "x", **labelled(), DELETED_AT: 1.0}) == {"text": "x"}


def test_impossible_tenant_in_the_settings_is_refused() -> None:
    """A tenant's settings under a name that no tenant can have would never hold."""
    with pytest.raises(UsageError, match="tenant refused"):
        DocumentAccess(AccessSettings(tenants={"a/b": AccessChanges()}))
