"""Which access label a document is written with: the one asked for, or the one that it has.

- INVARIANT: what `DocumentAccess` refuses to a writer is not written: a document of the same name
  that another owns, has deleted or has cleared higher is refused, never replaced.
- INVARIANT: what a document is held to now is the ledger's word, not that of its points.
- A document whose tenant has not enabled access, and that no label was asked for or is there,
  stays without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import AccessError, UsageError
from ..core.store import VectorStore
from ..tenancy.access import DocumentAccess
from ..tenancy.access_labels import ACCESS_PREFIX, deleted, unlabelled
from .ledger_labels import LedgerLabels
from .prepared import Candidate
from .request import IngestRequest

Label = Mapping[str, Any]
"""Payload keys, as `AccessLabel.as_payload` gives them."""


class Labelling:
    """Decides the labels of one run's documents."""

    def __init__(
        self,
        store: VectorStore,
        labels: LedgerLabels,
        access: DocumentAccess,
        request: IngestRequest,
        collection: str,
    ) -> None:
        self._store = store
        self._labels = labels
        self._access = access
        self._request = request
        self._collection = collection
        writer = request.writer
        self._enabled = access.enabled_for(request.tenant)
        if self._enabled and writer is None and request.kept_label is None:
            raise UsageError(
                f"ingest refused: access is enabled for tenant '{request.tenant}', so a document "
                "needs an owner; name who writes it"
            )

    def label(self, each: Candidate) -> tuple[Label, Label | None]:
        """Return the label's keys, empty for none, and what the ledger had until now.

        Raises `AccessError`, `UsageError`.
        """
        kept = self._labels.find(each.ledger_key.as_tuple())
        if kept is None and (there := self._stored(each)) is not None:
            kept = self._labels.adopt(each.ledger_key.as_tuple(), there)
        before = None if kept is None else kept.label
        return self._chosen(each, None if each.replaces is None else before), before

    def _chosen(self, each: Candidate, stored: Label | None) -> Label:
        """Return the label of a document; ``stored`` is that of the version it replaces."""
        plain = stored is None or (unlabelled(stored) and not deleted(stored))
        writer = self._request.writer
        if writer is None:
            return self._kept(stored)
        if plain and writer.label is None and not self._enabled:
            return {}
        # Nothing but the document's own name: the payload holds no text here.
        labelled = self._access.labelled(
            writer.context, {}, writer.label, stored=stored, document=each.name
        )
        return dict(labelled)

    def _kept(self, stored: Label | None) -> Label:
        """Return the label of a document that nobody in particular writes: as it was, or is."""
        if stored is None:
            return dict(self._request.kept_label or {})
        if deleted(stored):
            raise AccessError("change of a document refused: it was deleted, restore it first")
        return {key: value for key, value in stored.items() if key.startswith(ACCESS_PREFIX)}

    def _stored(self, each: Candidate) -> Mapping[str, Any] | None:
        """Return a payload of the version that is replaced, of before the ledger kept labels."""
        if each.replaces is None:
            return None
        chunks = list(each.replaces.chunks)
        found = self._store.get(self._collection, self._request.tenant, chunks)
        return next((point.payload for point in found), None)
