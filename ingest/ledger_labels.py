"""Which access label each document has, and whether it is deleted: the ledger's word on both.

A label in the vector store is a copy, kept there for the store's own filters. Who can write the
store could widen it, take it away, put an earlier one back or restore what was deleted; none of it
changes what stands here (docs/adr/0012-access-labels-in-the-ledger.md).

- INVARIANT: a label is here before the store can hold it.
- INVARIANT: while a change is unfinished, what the points may still carry is kept beside the label,
  and who reads must be admitted by both: whichever is stricter.
- INVARIANT: a change is made only to the label that it was decided by.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import StoreError
from ..core.sqlite import query, transaction
from ..tenancy.access_labels import DELETION_KEYS, LABEL_KEYS

LABELS_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
    collection TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, document TEXT NOT NULL,
    label TEXT NOT NULL, earlier TEXT NOT NULL,
    PRIMARY KEY (collection, tenant, source, document)
) WITHOUT ROWID;
"""

_WHERE = "WHERE collection = ? AND tenant = ? AND source = ? AND document = ?"

ACCESS_KEYS = (*LABEL_KEYS, *DELETION_KEYS)

Names = tuple[str, str, str, str]
"""Collection uid, tenant, source and document, as `LedgerKey.as_tuple` gives them."""

Label = Mapping[str, Any]
"""Payload keys of a label and of a deletion, without those that have no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLabel:
    """The label of a document; ``earlier`` are those that its points may still carry."""

    label: Label
    earlier: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """A label for a document in place of ``before``, None where there was none known."""

    names: Names
    label: Label
    before: Label | None


def label_keys(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a payload says of access, in the one form that can be compared.

    Null and ``[]`` are no values. Numbers are rounded to milliseconds, for what stores do to them.
    """
    found = {key: payload.get(key) for key in ACCESS_KEYS}
    return {
        key: round(value, 3) if isinstance(value, float) else value
        for key, value in found.items()
        if value not in (None, [])
    }


class LedgerLabels:
    """The labels of a ledger, in its file; made by `Ledger`."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.Lock) -> None:
        self._connection = connection
        self._lock = lock

    def find(self, names: Names) -> KeptLabel | None:
        """Return the label of a document; None for one of before labels were kept here."""
        with self._lock:
            return _found(self._connection, names)

    def adopt(self, names: Names, payload: Mapping[str, Any]) -> KeptLabel:
        """Return the label of a document, which is that of its payload if none was kept yet."""
        with self._lock, transaction(self._connection) as connection:
            label = json.dumps(label_keys(payload))
            connection.execute(
                "INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?, ?, '[]')", (*names, label)
            )
        return self.find(names) or KeptLabel(label={})

    def change(self, changes: Iterable[LabelChange]) -> None:
        """Make these the labels of their documents, all or none; the store is to follow.

        Raises `StoreError` where a label is no longer the one that its change was decided by.
        """
        with self._lock, transaction(self._connection) as connection:
            for change in changes:
                _change(connection, change)

    def settle(self, written: Iterable[tuple[Names, Label]]) -> None:
        """Note that all points of these documents carry the label, if it is still theirs."""
        with self._lock, transaction(self._connection) as connection:
            for names, label in written:
                kept = _found(connection, names)
                if kept is not None and kept.earlier and kept.label == label_keys(label):
                    _write(connection, names, KeptLabel(label=kept.label))


def _change(connection: sqlite3.Connection, change: LabelChange) -> None:
    kept = _found(connection, change.names)
    before = None if change.before is None else label_keys(change.before)
    if (None if kept is None else kept.label) != before:
        raise StoreError(
            "change of a document stopped: somebody else gave it another label meanwhile; repeat "
            "the call"
        )
    after = label_keys(change.label)
    if kept is None:
        _write(connection, change.names, KeptLabel(label=after))
    elif kept.label != after:
        earlier = (*(each for each in kept.earlier if each != after), kept.label)
        _write(connection, change.names, KeptLabel(label=after, earlier=earlier))


def _found(connection: sqlite3.Connection, names: Names) -> KeptLabel | None:
    rows = query(connection, f"SELECT label, earlier FROM labels {_WHERE}", names)  # noqa: S608
    if not rows:
        return None
    [row] = rows
    return KeptLabel(label=json.loads(row["label"]), earlier=tuple(json.loads(row["earlier"])))


def _write(connection: sqlite3.Connection, names: Names, kept: KeptLabel) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)",
        (*names, json.dumps(kept.label), json.dumps(kept.earlier)),
    )
