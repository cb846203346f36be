"""Access labels of LlamaIndex nodes in the ledger, beside the copies in their metadata.

Each node has a label of its own, so it is kept by the node's id. A node that was added before, or
past the guard, has none here and is held to its metadata alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import RelabelledError
from ..ingest.ledger_labels import Label, LabelChange, Names
from ..ingest.provenance.current_labels import CurrentLabels
from .llama_nodes import collection_named


class NodeLabels:
    """Keeps and reads the labels of one tenant's nodes in one collection."""

    def __init__(self, labels: CurrentLabels, collection: str, tenant: str) -> None:
        self._labels = labels
        self._uid = collection_named(collection).uid
        self._tenant = tenant

    def refresh(self) -> None:
        """Look whether the ledger has changed; once a call."""
        self._labels.refresh()

    def known(self, node_id: str) -> Label | None:
        """Return the label that the ledger has of a node."""
        kept = self._labels.ledger.find(self._names(node_id))
        return None if kept is None else kept.label

    def unfinished(self, node_id: str) -> Label | None:
        """Return the label that a node is being given, None while no change is under way."""
        return self._labels.unfinished(self._names(node_id))

    def problem(self, node_id: str, carried: Mapping[str, Any]) -> str:
        """Return why a node may not be served with the label that it carries, or ""."""
        try:
            self._labels.require_current(self._names(node_id), carried)
        except RelabelledError as error:
            return str(error)
        return ""

    def change(self, given: Sequence[tuple[str, Label]], carried: Mapping[str, Label]) -> None:
        """Note labels before the nodes are written; ``carried`` are those in the store so far.

        Raises `StoreError` where another call changes one of them at the same time.
        """
        changes = []
        for node_id, label in given:
            names = self._names(node_id)
            kept = self._labels.ledger.find(names)
            if kept is None and node_id in carried:
                kept = self._labels.ledger.adopt(names, carried[node_id])
            before = None if kept is None else kept.label
            changes.append(LabelChange(names=names, label=label, before=before))
        self._labels.ledger.change(changes)

    def settle(self, given: Sequence[tuple[str, Label]]) -> None:
        """Note that the nodes were written."""
        self._labels.ledger.settle([(self._names(node_id), label) for node_id, label in given])

    def _names(self, node_id: str) -> Names:
        return (self._uid, self._tenant, "", node_id)
