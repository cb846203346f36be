"""The ledger's labels: changed by who knows them, and what points may still carry beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ragbastion.core.errors import StoreError
from ragbastion.ingest.ledger import Ledger
from ragbastion.ingest.ledger_labels import KeptLabel, LabelChange, LedgerLabels, label_keys
from ragbastion.tenancy.access_labels import CLASSIFICATION, DELETED_AT, GROUPS, OWNER, USERS

NAMES = ("uid", "acme", "wiki", "plan.txt")
ANNS, BOBS, EVES = {OWNER: "ann"}, {OWNER: "bob"}, {OWNER: "eve"}


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[LedgerLabels]:
    """The labels of an empty ledger."""
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger.labels
    ledger.close()


def give(labels: LedgerLabels, label: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Change the one document's label."""
    labels.change([LabelChange(names=NAMES, label=label, before=before)])


def test_a_new_document_has_its_label_alone(labels: LedgerLabels) -> None:
    """Nothing of before is expected of its points."""
    assert labels.find(NAMES) is None
    give(labels, ANNS, None)
    assert labels.find(NAMES) == KeptLabel(label=ANNS)


def test_a_change_keeps_what_points_may_carry_until_it_is_settled(labels: LedgerLabels) -> None:
    """Also of several changes of which none was finished, each once."""
    give(labels, ANNS, None)
    give(labels, BOBS, ANNS)
    give(labels, EVES, BOBS)
    assert labels.find(NAMES) == KeptLabel(label=EVES, earlier=(ANNS, BOBS))
    give(labels, ANNS, EVES)
    assert labels.find(NAMES) == KeptLabel(label=ANNS, earlier=(BOBS, EVES))
    labels.settle([(NAMES, ANNS)])
    assert labels.find(NAMES) == KeptLabel(label=ANNS)


def test_what_is_settled_must_be_the_label(labels: LedgerLabels) -> None:
    """One who wrote an overtaken label to the store finishes nothing."""
    give(labels, ANNS, None)
    give(labels, BOBS, ANNS)
    labels.settle([(NAMES, ANNS)])
    assert labels.find(NAMES) == KeptLabel(label=BOBS, earlier=(ANNS,))


@pytest.mark.parametrize("before", [None, BOBS])
def test_a_label_is_changed_by_who_knows_it(
    labels: LedgerLabels, before: dict[str, Any] | None
) -> None:
    """A change that was decided by another label is refused, with all that goes along with it."""
    give(labels, ANNS, None)
    other = LabelChange(names=("uid", "acme", "wiki", "other"), label=EVES, before=None)
    with pytest.raises(StoreError, match="meanwhile"):
        labels.change([other, LabelChange(names=NAMES, label=EVES, before=before)])
    assert labels.find(NAMES) == KeptLabel(label=ANNS)
    assert labels.find(other.names) is None


def test_the_stores_word_is_adopted_once(labels: LedgerLabels) -> None:
    """Of a document of before; what is known is not replaced by what a point says."""
    assert labels.adopt(NAMES, {"text": "t", **ANNS}) == KeptLabel(label=ANNS)
    assert labels.adopt(NAMES, EVES) == KeptLabel(label=ANNS)


def test_values_that_are_none_are_left_out() -> None:
    """Null and an empty list say what a missing key says; a time keeps its milliseconds."""
    payload = {OWNER: "ann", USERS: [], GROUPS: None, CLASSIFICATION: 0, DELETED_AT: 5.1234999}
    assert label_keys(payload) == {OWNER: "ann", CLASSIFICATION: 0, DELETED_AT: 5.123}
