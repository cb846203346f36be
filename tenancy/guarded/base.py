"""What both guarded clients are: a client, the guard that its calls pass, no other name."""

from __future__ import annotations

from typing import ClassVar, Generic, NoReturn, TypeVar

from qdrant_client import AsyncQdrantClient, QdrantClient

from ...core.errors import UsageError
from ...core.events import EventSink, LoggingEventSink
from ..context import TenantContext
from .guard import RefusedNameError, TenantGuard
from .hooks import DocumentAccess, PayloadCipher, Quotas, Shards
from .scope import TenantScope

C = TypeVar("C", QdrantClient, AsyncQdrantClient)


class GuardedClient(Generic[C]):
    """Confines a client to one context.

    Ids that callers use are theirs: two tenants may both have a point 1. A refusal raises
    `IsolationError` and is reported to ``events``. Each method raises `CredentialError` when the
    context has expired. Methods that reach beyond a tenant need a context with ``admin``, and are
    reported. The client stays the caller's to close.

    ``access`` narrows what of the tenant's the context sees, and adds `soft_delete` and
    `restore_deleted` to the client's methods; ``quotas`` limits calls and points,
    ``cipher`` seals payload texts, ``shards`` (`TenantShards`) names the tenant's shard in every
    call, for collections with custom sharding.
    """

    _client_class: ClassVar[type]

    def __init__(
        self,
        client: C,
        context: TenantContext,
        events: EventSink | None = None,
        *,
        access: DocumentAccess | None = None,
        quotas: Quotas | None = None,
        cipher: PayloadCipher | None = None,
        shards: Shards | None = None,
    ) -> None:
        if not isinstance(client, self._client_class):
            needed = self._client_class.__name__
            raise UsageError(f"guarded client refused: its client must be of class {needed}")
        self._guarded: C = client
        self._guard = TenantGuard(
            TenantScope(
                context=context,
                access=access,
                quotas=quotas,
                cipher=cipher,
                shards=shards,
                remote_inference=client.cloud_inference,
            ),
            events or LoggingEventSink(),
        )

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse every name of the client that is not offered to this context."""
        if name.startswith("_"):  # copying asks for these before there is a guard
            raise RefusedNameError(f"{type(self).__name__} has no '{name}'")
        raise self._guard.refusal(name)
