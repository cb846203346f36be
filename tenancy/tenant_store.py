"""What an administrator does to a tenant as a whole, beyond `core.store.VectorStore`.

Both stores keep this protocol; `EdgeStore` and `QdrantStore` differ in what is atomic, as each of
them says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ..core.chunk import TenantId
from ..core.events import Event, EventSink
from ..core.store import StoredPoint, VectorStore
from .names import checked_tenant


class TenantStore(VectorStore, Protocol):
    """A store whose tenants can be copied, replaced and erased as a whole."""

    def snapshot(
        self, collection: str, tenant: TenantId
    ) -> AbstractContextManager[Iterator[StoredPoint]]:
        """Yield every point of the tenant; its writes through this store wait meanwhile."""
        ...

    def replace(self, collection: str, tenant: TenantId, points: Iterable[StoredPoint]) -> None:
        """Put these points in the place of all that the tenant has in the collection."""
        ...

    def erase(self, tenant: TenantId) -> Mapping[str, int]:
        """Remove the tenant from every collection; return how many points each of them held."""
        ...


def erase_tenant(
    store: TenantStore, tenant: TenantId, events: EventSink, *, principal: str = ""
) -> Mapping[str, int]:
    """Erase the tenant and say so: ``tenancy.erasing`` before, ``tenancy.erased`` with the counts.

    Repeating it changes nothing. If the first event cannot be kept, nothing is erased; if a kill
    comes between the two, the store finishes the erasure when it is opened again.
    """
    checked_tenant(tenant)
    events.emit(_event("tenancy.erasing", tenant, "begun", principal, {}))
    counts = store.erase(tenant)
    events.emit(_event("tenancy.erased", tenant, "erased", principal, counts))
    return counts


def _event(
    kind: str, tenant: TenantId, outcome: str, principal: str, counts: Mapping[str, int]
) -> Event:
    return Event(
        kind=kind,
        tenant=tenant,
        subject=tenant,
        outcome=outcome,
        principal=principal,
        detail={"points": dict(counts)} if counts else {},
    )
