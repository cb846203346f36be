"""What an administrator does to a tenant as a whole, beyond `core.store.VectorStore`.

Both stores keep this protocol; `EdgeStore` and `QdrantStore` differ in what is atomic, as each of
them says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Protocol

from ..core.chunk import TenantId
from ..core.errors import UnknownTenantError
from ..core.events import Event, EventSink
from ..core.store import StoredPoint, VectorStore
from .names import checked_tenant

if TYPE_CHECKING:
    from .encryption.tenant_keys import TenantKeys


class TenantStore(VectorStore, Protocol):
    """A store whose tenants can be copied, replaced and erased as a whole."""

    @property
    def sealed_fields(self) -> tuple[str, ...]:
        """Return the payload fields that are kept sealed."""
        ...

    def snapshot(
        self, collection: str, tenant: TenantId
    ) -> AbstractContextManager[Iterator[StoredPoint]]:
        """Yield every point of the tenant as it is kept; its writes here wait meanwhile."""
        ...

    def require_openable(self, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Raise unless points of a snapshot, sealed ones sealed, open in this store."""
        ...

    def replace(self, collection: str, tenant: TenantId, points: Iterable[StoredPoint]) -> None:
        """Put these points of a snapshot in the place of all that the tenant has there."""
        ...

    def erase(self, tenant: TenantId) -> Mapping[str, int]:
        """Remove the tenant from every collection; return how many points each of them held."""
        ...


def erase_tenant(
    store: TenantStore,
    tenant: TenantId,
    events: EventSink,
    *,
    keys: TenantKeys | None = None,
    principal: str = "",
) -> Mapping[str, int]:
    """Erase the tenant and say so: ``tenancy.erasing`` before, ``tenancy.erased`` with the counts.

    ``keys`` are dropped first, with an event of their own: from that moment nothing that they
    sealed opens, in the store and in backups, and no writer can seal again, so a kill at any point
    leaves nothing readable. Repeating it goes on where it stopped and changes nothing else. If the
    first event cannot be kept, nothing is erased; what a kill cuts short in the store's folder is
    finished when it is opened again.
    """
    checked_tenant(tenant)
    events.emit(_event("tenancy.erasing", tenant, "begun", principal, {}))
    if keys is not None:
        with suppress(UnknownTenantError):  # it never sealed anything
            keys.erase(tenant, principal=principal)
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
