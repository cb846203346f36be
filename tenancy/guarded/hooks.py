"""What a guarded client can be given besides a context: document access, quotas, a cipher.

Each is optional. One that raises refuses the call: nothing is returned or written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from qdrant_client import models

from ..context import TenantContext


class DocumentAccess(Protocol):
    """Decides which of the tenant's documents the context may see and change."""

    def conditions(self, context: TenantContext) -> Sequence[models.Condition]:
        """Return the conditions that every filter of the context must meet as well."""
        ...

    def admits(self, context: TenantContext, payload: Mapping[str, Any]) -> bool:
        """Say whether a returned point, by its whole stored payload, may be shown."""
        ...


class Quotas(Protocol):
    """Limits calls and points of a tenant; raises when a limit is reached."""

    def spend_call(self, context: TenantContext) -> None:
        """Take one call from the tenant's allowance, before anything is asked of the client."""
        ...

    def reserve_points(
        self, context: TenantContext, collection: str, count: int, held: int
    ) -> None:
        """Allow ``count`` more points in the collection, where the tenant has ``held`` now."""
        ...


class PayloadCipher(Protocol):
    """Seals payload texts of a tenant; a sealed text opens at its tenant, point and field only."""

    @property
    def fields(self) -> Collection[str]:
        """Return the payload keys whose texts are sealed; they cannot be filtered by."""
        ...

    def sealed(self, tenant: str, point_id: str, field: str, text: str) -> str:
        """Return the text sealed for this place; ``point_id`` is the stored one."""
        ...

    def opened(self, tenant: str, point_id: str, field: str, sealed: str) -> str:
        """Return the text, or raise if it was sealed for another place."""
        ...
