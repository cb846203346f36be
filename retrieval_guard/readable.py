"""A search of the store that finds only documents which the reader may read.

- INVARIANT: no hit leaves that `DocumentAccess.admits` refuses, whatever the store answers.
- INVARIANT: what is left out is not told: neither that there is something, nor how much.
- INVARIANT: while a document is being given another label, its reader is admitted by both.

- INVARIANT: of some sources only, no hit leaves that claims another.

Where the tenant has enabled access, the rule stands in the store's own filter. Elsewhere labels and
deletions are the exception, so more hits are fetched and those that may not be read are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from ..core.chunk import TenantId, Vector
from ..core.store import CollectionInfo, Hit, VectorStore
from ..ingest.provenance.current_labels import CurrentLabels
from ..tenancy.access import DocumentAccess
from ..tenancy.access_rules import AllOf, HasOne, Rule
from ..tenancy.context import TenantContext


@runtime_checkable
class FilteringStore(Protocol):
    """A store that takes access rules into its own filter, such as both of this package."""

    def search_readable(
        self, collection: str, tenant: TenantId, vector: Vector, limit: int, readable: Rule
    ) -> list[Hit]:
        """Return the nearest of the tenant's points for which the rule holds."""
        ...


SOURCE = "source"
"""The payload key of a chunk's source (`ingest.provenance.points`)."""

_MAX_FETCHED = 2_000
"""A reader to whom so many nearer documents are closed gets what is left of them, if any."""


class ReadableSearch:
    """Searches one collection of a store for one context."""

    def __init__(
        self,
        store: VectorStore,
        access: DocumentAccess,
        collection: CollectionInfo,
        context: TenantContext,
        labels: CurrentLabels,
    ) -> None:
        self._store = store
        self._access = access
        self._collection = collection.name
        self._uid = collection.uid
        self._context = context
        self._labels = labels

    def __call__(
        self, vector: Vector, wanted: int, sources: frozenset[str] | None = None
    ) -> list[Hit]:
        """Return the nearest readable hits, best first, of all or some sources (at least one).

        Errors are those of the store.
        """
        self._labels.refresh()
        fetch = self._filtered(vector, sources) or self._plain(vector)
        asked = wanted
        while True:
            hits = fetch(asked)
            readable = [each for each in hits if self._admits(each) and _is_of(each, sources)]
            if len(readable) >= wanted or len(hits) < asked or asked >= _MAX_FETCHED:
                return readable[:wanted]
            asked = max(wanted, min(2 * asked, _MAX_FETCHED))

    def _filtered(
        self, vector: Vector, sources: frozenset[str] | None
    ) -> Callable[[int], Sequence[Hit]] | None:
        """Return a search under the reader's rule, where it is due and the store has one."""
        store = self._store
        if not isinstance(store, FilteringStore) or not (rules := self._rules(sources)):
            return None
        rule, tenant = AllOf(tuple(rules)), TenantId(self._context.tenant)
        return lambda asked: store.search_readable(self._collection, tenant, vector, asked, rule)

    def _rules(self, sources: frozenset[str] | None) -> list[Rule]:
        rules: list[Rule] = []
        if self._access.enabled_for(self._context.tenant):
            rules.append(self._access.rule(self._context))
        # What is sealed the store cannot read.
        if sources is not None and SOURCE not in getattr(self._store, "sealed_fields", ()):
            rules.append(HasOne(SOURCE, sources))
        return rules

    def _plain(self, vector: Vector) -> Callable[[int], Sequence[Hit]]:
        tenant = TenantId(self._context.tenant)
        return lambda asked: self._store.search(self._collection, tenant, vector, asked)

    def _admits(self, hit: Hit) -> bool:
        payload = hit.point.payload
        if not self._access.admits(self._context, payload):
            return False
        # As the point claims; one that claims another document does not verify.
        claimed = (payload.get("source"), payload.get("document"))
        source, document = map(str, claimed)
        label = self._labels.unfinished((self._uid, self._context.tenant, source, document))
        return label is None or self._access.admits(self._context, label)


def _is_of(hit: Hit, sources: frozenset[str] | None) -> bool:
    return sources is None or hit.point.payload.get(SOURCE) in sources
