"""Documents in the store: soft deletion, restoring, and another label, for who may do that.

- INVARIANT: a document that is not there and one that the caller may not touch are one refusal.
- INVARIANT: who may change a document is decided by the label that the ledger has of it, and the
  ledger changes only the label that was decided by, so two callers cannot undo each other's check.
- INVARIANT: the store follows the ledger. What a kill leaves between them is held to the stricter
  of both labels, and the same call, made again, finishes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..core.chunk import ChunkId, DocumentId, TenantId
from ..core.errors import AccessError, UsageError
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from ..ingest.ledger import Ledger, LedgerKey
from ..ingest.ledger_labels import ACCESS_KEYS, KeptLabel, Label, LabelChange, label_keys
from ..ingest.request import checked_source
from ..tenancy.access import DocumentAccess
from ..tenancy.access_labels import DELETION_KEYS, AccessLabel, deleted
from ..tenancy.access_rules import Rule, holds
from ..tenancy.context import TenantContext


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentName:
    """Which document is meant: its source and its id, as a retrieval names both."""

    source: str
    document: str

    def __post_init__(self) -> None:
        checked_source(self.source)
        if not self.document or not self.document.isprintable():
            raise UsageError("document refused: name it as a retrieval does")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A document in ledger and store: its label, and the points that carry it."""

    key: LedgerKey
    kept: KeptLabel
    points: list[ChunkId]

    @property
    def label(self) -> Label:
        """The label that holds."""
        return self.kept.label

    def was(self, rule: Rule, *, deleted_now: bool) -> bool:
        """Whether a killed call came this far for one whom the rule allowed it."""
        earlier = self.kept.earlier
        return bool(earlier) and deleted(self.label) is deleted_now and holds(rule, earlier[-1])


@runtime_checkable
class ChangingStore(Protocol):
    """A store that changes payloads, such as both of this package."""

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are the tenant's."""
        ...

    def set_payload(
        self,
        collection: str,
        tenant: TenantId,
        ids: Sequence[ChunkId],
        payload: Mapping[str, Any],
        where: Rule | None,
    ) -> None:
        """Set payload keys of those of the tenant's ids for which the rule, if any, holds."""
        ...


class Documents:
    """Changes who may read documents of one collection; each returns how many points changed.

    Raises `UsageError` for a store that cannot change payloads.
    """

    def __init__(
        self,
        store: VectorStore,
        ledger: Ledger,
        access: DocumentAccess,
        collection: CollectionInfo,
    ) -> None:
        if not isinstance(store, ChangingStore):
            raise UsageError(f"documents refused: {type(store).__name__} cannot change payloads")
        self._store = store
        self._ledger = ledger
        self._access = access
        self._collection = collection

    def delete(self, name: DocumentName, context: TenantContext) -> int:
        """Hide a document from every reader until it is restored; raise `AccessError`."""
        rule = self._access.change_rule(context)
        held = self._held(name, context)
        if held.was(rule, deleted_now=True):
            return self._publish(held, held.label)
        self._require(rule, held, name, context)
        keys = self._access.deletion(context, held.label, name.document)
        return self._change(held, {**held.label, **keys})

    def restore(self, name: DocumentName, context: TenantContext) -> int:
        """Show a deleted document again, to those who could read it; raise `AccessError`."""
        rule = self._access.restore_rule(context)
        held = self._held(name, context)
        if held.was(rule, deleted_now=False):
            return self._publish(held, held.label)
        self._require(rule, held, name, context)
        self._access.report_restored(context, name.document)
        shown = {key: held.label[key] for key in held.label if key not in DELETION_KEYS}
        return self._change(held, shown)

    def label(self, name: DocumentName, context: TenantContext, label: AccessLabel) -> int:
        """Give a document another label; raise `AccessError` for one the caller may not give.

        With the label that it has, write it again where the store has another.
        """
        held = self._held(name, context)
        self._require(self._access.change_rule(context), held, name, context)
        after = self._access.labelled(context, {}, label, stored=held.label, document=name.document)
        return self._change(held, after)

    def _held(self, name: DocumentName, context: TenantContext) -> _Held:
        """Return a document as it stands; one that is not there has no points."""
        key = LedgerKey(
            collection=self._collection.uid,
            tenant=TenantId(context.tenant),
            source=name.source,
            document=DocumentId(name.document),
        )
        entry = self._ledger.find(key)
        chunks: list[ChunkId] = [] if entry is None else list(entry.chunks)
        stored = self._store.get(self._collection.name, TenantId(context.tenant), chunks)
        kept = self._ledger.labels.find(key.as_tuple())
        if kept is None and stored:
            # Of before labels were kept in the ledger: the store's word is all there is.
            kept = self._ledger.labels.adopt(key.as_tuple(), stored[0].payload)
        return _Held(
            key=key, kept=kept or KeptLabel(label={}), points=[point.id for point in stored]
        )

    def _require(self, rule: Rule, held: _Held, name: DocumentName, context: TenantContext) -> None:
        """Raise unless there is such a document and the rule holds for it."""
        if not held.points or not holds(rule, held.label):
            self._access.report_unchangeable(context, name.document)
            raise AccessError(
                "document refused: there is none of this source and name that the caller may "
                "change so; see 'who writes' in the documentation of access"
            )

    def _change(self, held: _Held, after: Mapping[str, Any]) -> int:
        """Change the ledger, then the store."""
        change = LabelChange(names=held.key.as_tuple(), label=after, before=held.label)
        self._ledger.labels.change([change])
        return self._publish(held, label_keys(after))

    def _publish(self, held: _Held, label: Label) -> int:
        """Make all points carry the ledger's label, also one that somebody gives meanwhile."""
        names, labels = held.key.as_tuple(), self._ledger.labels
        while True:
            # Null is no value to a rule, so what the label leaves out is taken away.
            payload = {**dict.fromkeys(ACCESS_KEYS), **label}
            self._store.set_payload(
                self._collection.name, held.key.tenant, held.points, payload, None
            )
            labels.settle([(names, label)])
            kept = labels.find(names)
            if kept is None or kept.label == label:
                return len(held.points)
            label = kept.label
