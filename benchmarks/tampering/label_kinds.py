"""Tampering with what a document's label says: who may read it, and whether it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ragbastion.tenancy.access_labels import CLASSIFICATION, DELETED_AT, USERS, without_label

from .simulator import CURATOR, Simulator, named
from .tampering import Act, Tampering


def _relabel(**payload: Any) -> Act:
    """Write over keys of a label that was given."""

    def act(simulator: Simulator) -> str:
        simulator.label(simulator.first, classification=2)
        return simulator.change(**payload)

    return act


def _remove(simulator: Simulator) -> str:
    simulator.label(simulator.first, classification=2)
    point = simulator.point(simulator.first)
    return simulator.write(replace(point, payload=without_label(point.payload)))


def _replay(simulator: Simulator) -> str:
    """Put a point back as it stood before its document was classified higher."""
    simulator.label(simulator.first, classification=0)
    return simulator.write(simulator.label(simulator.first, classification=3))


def _undelete(simulator: Simulator) -> str:
    """Put a point back as it stood before its document was deleted."""
    before = simulator.point(simulator.first)
    simulator.documents().delete(named(simulator.first), CURATOR)
    return simulator.write(before)


def _tampering(act: Act, refusal: str) -> Tampering:
    # Peers know nothing of labels.
    return Tampering(act=act, refusal=refusal, state="relabelled", peers=False, undone=False)


_OTHER = "access label is not"
LABEL_TAMPERINGS: Mapping[str, Tampering] = {
    "label widened": _tampering(_relabel(**{USERS: ["eve"]}), _OTHER),
    "label lowered": _tampering(_relabel(**{CLASSIFICATION: 0}), _OTHER),
    "label removed": _tampering(_remove, "access label was taken away"),
    "label replayed": _tampering(_replay, _OTHER),
    "deleted document restored": _tampering(_undelete, "its document is deleted"),
    "document hidden": _tampering(_relabel(**{DELETED_AT: 5.0}), "its document is not deleted"),
}
