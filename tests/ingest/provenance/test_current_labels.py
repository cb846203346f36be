"""Only the label that a document has passes, and every honest form of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import RelabelledError
from ragbastion.ingest.ledger import Ledger
from ragbastion.ingest.ledger_labels import ACCESS_KEYS, LabelChange, label_keys
from ragbastion.ingest.provenance.current_labels import CurrentLabels
from ragbastion.tenancy.access_labels import CLASSIFICATION, DELETED_AT, GROUPS, OWNER, USERS

NAMES = ("uid", "acme", "wiki", "plan.txt")
GIVEN = {OWNER: "ann", GROUPS: ["sales"], CLASSIFICATION: 1}
GONE = {**GIVEN, DELETED_AT: 1780000000.123}

VALUES = st.none() | st.booleans() | st.integers(-1, 4) | st.text(max_size=4)
LABELS = st.dictionaries(st.sampled_from(ACCESS_KEYS), VALUES | st.lists(VALUES, max_size=2))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger as another process has it."""
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[CurrentLabels]:
    """A reader of the same file."""
    labels = CurrentLabels(tmp_path)
    yield labels
    labels.close()


def give(ledger: Ledger, label: dict[str, Any], *, settled: bool = True) -> None:
    """Give the document a label, and finish that unless told."""
    kept = ledger.labels.find(NAMES)
    change = LabelChange(names=NAMES, label=label, before=None if kept is None else kept.label)
    ledger.labels.change([change])
    if settled:
        ledger.labels.settle([(NAMES, label)])


def require(labels: CurrentLabels, payload: dict[str, Any]) -> None:
    """Check a point's payload as a query does."""
    labels.refresh()
    labels.require_current(NAMES, {"text": "t", **payload})


def test_a_document_without_a_kept_label_has_any(labels: CurrentLabels) -> None:
    """What came in before the ledger kept labels is not judged."""
    require(labels, {OWNER: "eve"})


def test_honest_forms_pass(ledger: Ledger, labels: CurrentLabels) -> None:
    """Stores give null for what was taken away, and a time that is a bit off."""
    give(ledger, GONE)
    require(labels, {**GONE, USERS: None, DELETED_AT: 1780000000.1230001})


@pytest.mark.parametrize(
    ("kept", "carried", "reason"),
    [
        (GIVEN, {**GIVEN, USERS: ["eve"]}, "is not the one"),
        (GIVEN, {**GIVEN, CLASSIFICATION: 0}, "is not the one"),
        (GIVEN, {**GIVEN, CLASSIFICATION: [1, 0]}, "is not the one"),
        (GIVEN, {}, "was taken away"),
        (GONE, GIVEN, "its document is deleted"),
        (GONE, {}, "its document is deleted"),
        (GIVEN, GONE, "its document is not deleted"),
        ({}, GIVEN, "is not the one"),
    ],
)
def test_another_label_is_named(
    ledger: Ledger,
    labels: CurrentLabels,
    kept: dict[str, Any],
    carried: dict[str, Any],
    reason: str,
) -> None:
    """Widened, lowered, removed, restored, hidden, and given where there was none."""
    give(ledger, kept)
    with pytest.raises(RelabelledError, match=reason):
        require(labels, carried)


def test_a_change_is_seen_at_the_next_query(ledger: Ledger, labels: CurrentLabels) -> None:
    """An earlier label, put back after another process replaced it, is refused."""
    give(ledger, {OWNER: "ann"})
    require(labels, {OWNER: "ann"})
    give(ledger, GIVEN)
    require(labels, GIVEN)
    with pytest.raises(RelabelledError):
        require(labels, {OWNER: "ann"})


def test_while_a_change_is_unfinished_both_pass(ledger: Ledger, labels: CurrentLabels) -> None:
    """The label that a reader must be admitted by as well is told until then, and no third one."""
    give(ledger, GIVEN)
    labels.refresh()
    assert labels.unfinished(NAMES) is None
    give(ledger, GONE, settled=False)
    require(labels, GIVEN)
    require(labels, GONE)
    assert labels.unfinished(NAMES) == GONE
    with pytest.raises(RelabelledError):
        require(labels, {})
    ledger.labels.settle([(NAMES, GONE)])
    labels.refresh()
    assert labels.unfinished(NAMES) is None


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=LABELS, carried=LABELS)
def test_only_the_kept_label_passes(
    ledger: Ledger, labels: CurrentLabels, kept: dict[str, Any], carried: dict[str, Any]
) -> None:
    """Whatever is kept and carried, a point passes where both say the same, and only there."""
    give(ledger, kept)
    require(labels, kept)
    if label_keys(kept) == label_keys(carried):
        require(labels, carried)
    else:
        with pytest.raises(RelabelledError):
            require(labels, carried)
