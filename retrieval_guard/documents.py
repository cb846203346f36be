"""Documents in the store: soft deletion, restoring, and another label, for who may do that.

- INVARIANT: a document that is not there and one that the caller may not touch are one refusal.
- INVARIANT: the store changes a point only where the rule of the change holds for it at that
  moment, so two callers cannot undo each other's check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..core.chunk import ChunkId, DocumentId, TenantId
from ..core.errors import AccessError, UsageError
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from ..ingest.ledger import Ledger, LedgerKey
from ..ingest.request import checked_source
from ..tenancy.access import DocumentAccess
from ..tenancy.access_labels import DELETION_KEYS, LABEL_KEYS, AccessLabel
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


@runtime_checkable
class ChangingStore(Protocol):
    """A store that changes payloads where an access rule holds, such as both of this package."""

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are the tenant's."""
        ...

    def set_payload(
        self,
        collection: str,
        tenant: TenantId,
        ids: Sequence[ChunkId],
        payload: Mapping[str, Any],
        where: Rule,
    ) -> None:
        """Set payload keys of those of the tenant's ids for which the rule holds."""
        ...


class Documents:
    """Changes who may read documents of one collection; each returns how many points changed.

    Raises `UsageError` for a store that cannot change payloads under a rule.
    """

    def __init__(
        self,
        store: VectorStore,
        ledger: Ledger,
        access: DocumentAccess,
        collection: CollectionInfo,
    ) -> None:
        if not isinstance(store, ChangingStore):
            raise UsageError(
                f"documents refused: {type(store).__name__} cannot change payloads under a rule"
            )
        self._store = store
        self._ledger = ledger
        self._access = access
        self._collection = collection

    def delete(self, name: DocumentName, context: TenantContext) -> int:
        """Hide a document from every reader until it is restored; raise `AccessError`."""
        rule = self._access.change_rule(context)
        points = self._chosen(name, context, rule)
        keys = self._access.deletion(context, points[0].payload, name.document)
        return self._set(points, context, keys, rule)

    def restore(self, name: DocumentName, context: TenantContext) -> int:
        """Show a deleted document again, to those who could read it; raise `AccessError`."""
        rule = self._access.restore_rule(context)
        points = self._chosen(name, context, rule)
        self._access.report_restored(context, name.document)
        return self._set(points, context, dict.fromkeys(DELETION_KEYS), rule)

    def label(self, name: DocumentName, context: TenantContext, label: AccessLabel) -> int:
        """Give a document another label; raise `AccessError` for one the caller may not give."""
        rule = self._access.change_rule(context)
        points = self._chosen(name, context, rule)
        stored = points[0].payload
        kept = self._access.labelled(context, {}, label, stored=stored, document=name.document)
        # Null is no value to a rule, so what the label leaves out is taken away.
        return self._set(points, context, {**dict.fromkeys(LABEL_KEYS), **kept}, rule)

    def _chosen(self, name: DocumentName, context: TenantContext, rule: Rule) -> list[StoredPoint]:
        """Return those points of a document for which the rule holds; raise if there is none."""
        key = LedgerKey(
            collection=self._collection.uid,
            tenant=TenantId(context.tenant),
            source=name.source,
            document=DocumentId(name.document),
        )
        entry = self._ledger.find(key)
        chunks: list[ChunkId] = [] if entry is None else list(entry.chunks)
        stored = self._store.get(self._collection.name, TenantId(context.tenant), chunks)
        chosen = [point for point in stored if holds(rule, point.payload)]
        if not chosen:
            self._access.report_unchangeable(context, name.document)
            raise AccessError(
                "document refused: there is none of this source and name that the caller may "
                "change so; see 'who writes' in the documentation of access"
            )
        return chosen

    def _set(
        self,
        points: list[StoredPoint],
        context: TenantContext,
        payload: Mapping[str, Any],
        rule: Rule,
    ) -> int:
        tenant, ids = TenantId(context.tenant), [point.id for point in points]
        self._store.set_payload(self._collection.name, tenant, ids, payload, rule)
        return len(ids)
