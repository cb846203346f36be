"""What a guarded client can be given besides a context: document access, quotas, a cipher, shards.

Each is optional, and threads may share it. One that raises refuses the call: nothing is returned,
and nothing is written from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ..context import TenantContext


class DocumentAccess(Protocol):
    """Decides which of the tenant's documents the context may read and change."""

    def conditions(self, context: TenantContext) -> Sequence[models.Condition]:
        """Return the conditions that every filter of the context must meet as well."""
        ...

    def admits(self, context: TenantContext, payload: Mapping[str, Any]) -> bool:
        """Say whether a returned point, by its whole stored payload, may be shown."""
        ...

    def change_conditions(self, context: TenantContext) -> Sequence[models.Condition]:
        """Return the conditions that every filter of a write must meet besides `conditions`."""
        ...

    def labelled(
        self,
        context: TenantContext,
        payload: Mapping[str, Any],
        *,
        stored: Mapping[str, Any] | None,
        document: str,
    ) -> dict[str, Any]:
        """Return a payload with the label to be written with it, or raise.

        ``stored`` is the payload that it replaces, None for a new or an unreadable document.
        """
        ...

    def deletion(self, context: TenantContext, *, document: str) -> dict[str, Any]:
        """Return the payload keys that hide a document, to be set where `change_conditions` hold.

        Reports the deletion, so that none goes unreported.
        """
        ...

    def restore_conditions(self, context: TenantContext) -> Sequence[models.Condition]:
        """Return which deleted documents the context may restore, or raise `AccessError`."""
        ...


class Quotas(Protocol):
    """Limits calls and points of a tenant; raises when a limit is reached."""

    def spend_call(self, context: TenantContext) -> None:
        """Take one call from the tenant's allowance, before anything is asked of the client."""
        ...

    def mark(self, context: TenantContext) -> int:
        """Return a mark that is taken before the tenant's points are counted."""
        ...

    def reserve_points(
        self, context: TenantContext, collection: str, count: int, held: int, *, mark: int
    ) -> AbstractContextManager[object]:
        """Reserve room for ``count`` new points beside the ``held`` while they are written."""
        ...


class Shards(Protocol):
    """Chooses the shards that hold a tenant's points, in collections with custom sharding."""

    def selector(self, tenant: str, collection: str) -> types.ShardKeySelector | None:
        """Return what each read and write names, None for a collection without such shards."""
        ...


class PayloadCipher(Protocol):
    """Seals payload values of a tenant; a value opens at its tenant, point and field only."""

    @property
    def fields(self) -> Collection[str]:
        """Return the payload fields whose values are sealed, as dotted paths."""
        ...

    def sealed_payloads(
        self, tenant: str, points: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Return payloads with their fields sealed; each comes with its stored point id."""
        ...

    def opened_payloads(
        self, tenant: str, points: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Return payloads with their fields opened, or raise for one sealed for another place."""
        ...

    def refuse_keys(self, keys: Sequence[str], use: str) -> None:
        """Raise if a payload path meets a sealed field, whose values cannot be compared."""
        ...
