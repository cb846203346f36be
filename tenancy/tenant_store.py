"""What an administrator does to a tenant as a whole, beyond `core.store.VectorStore`.

Both stores keep this protocol; `EdgeStore` and `QdrantStore` differ in what is atomic, as each of
them says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from ..core.chunk import ChunkId, TenantId, Vector
from ..core.errors import UnknownTenantError
from ..core.events import Event, EventSink
from ..core.store import Hit, StoredPoint, VectorStore
from .access_rules import Rule
from .names import checked_tenant
from .point_records import UnopenedPoint

if TYPE_CHECKING:
    from .encryption.tenant_keys import TenantKeys


class TenantStore(VectorStore, Protocol):
    """A store whose tenants can be copied, replaced and erased as a whole."""

    @property
    def sealed_fields(self) -> tuple[str, ...]:
        """Return the payload fields that are kept sealed."""
        ...

    def search_readable(
        self, collection: str, tenant: TenantId, vector: Vector, limit: int, readable: Rule
    ) -> list[Hit]:
        """Return what `search` does of the points for which the rule holds.

        The rule stands beside the tenant in the store's filter, and what comes back is checked
        again: a point for which it does not hold raises `IsolationError`.
        """
        ...

    def set_payload(
        self,
        collection: str,
        tenant: TenantId,
        ids: Sequence[ChunkId],
        payload: Mapping[str, Any],
        where: Rule | None,
    ) -> None:
        """Set payload keys of those of the tenant's ids for which the rule holds, as one step.

        Without a rule, of all of them.
        """
        ...

    def scroll_each(
        self, collection: str, tenant: TenantId
    ) -> Iterator[StoredPoint | UnopenedPoint]:
        """Yield as `scroll` does, and in place of a point that may not leave, why."""
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
