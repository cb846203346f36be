"""The scope that a guarded client's calls are confined to: its context and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qdrant_client import models

from ...core.errors import IsolationError
from ..client_calls import ClientCall
from ..context import TenantContext
from .filters import TenantFilters
from .hooks import DocumentAccess, PayloadCipher, Quotas, Shards
from .sharding import placed


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantScope:
    """Everything that confines a call; made once for each guarded client.

    ``remote_inference``: the server embeds, so nothing of this machine is read for a caller.
    """

    context: TenantContext
    access: DocumentAccess | None = None
    quotas: Quotas | None = None
    cipher: PayloadCipher | None = None
    shards: Shards | None = None
    remote_inference: bool = False
    filters: TenantFilters = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.context, TenantContext):
            raise IsolationError("guarded client refused: it needs a TenantContext")
        filters = TenantFilters(
            self.context.tenant,
            readable=self._readable,
            changeable=self._changeable,
            refuse_keys=self.cipher.refuse_keys if self.cipher is not None else None,
        )
        object.__setattr__(self, "filters", filters)

    def placed(self, asked: ClientCall) -> ClientCall:
        """Return a call of the confined steps as it is made, on the tenant's shard."""
        return placed(self.shards, self.context.tenant, asked)

    def _readable(self) -> Sequence[models.Condition]:
        return () if self.access is None else self.access.conditions(self.context)

    def _changeable(self) -> Sequence[models.Condition]:
        return () if self.access is None else self.access.change_conditions(self.context)
