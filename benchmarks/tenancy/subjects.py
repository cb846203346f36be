"""What is attacked: how a client that is held to a tenant is made, and on which store.

>>> from ragbastion.tenancy import GuardedQdrantClient, operator_context
>>> def client_for(raw, tenant):
...     return GuardedQdrantClient(raw, operator_context(tenant=tenant, principal="app"))
>>> Subject(name="guarded", client_for=client_for).asynchronous
False
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qdrant_client import AsyncQdrantClient, QdrantClient

from ...core.errors import RagbastionError
from ...core.events import Event
from ...tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient, operator_context
from .canaries import TENANT_KEY
from .naive import AsyncNaiveClient, NaiveClient

ClientFor = Callable[[Any, str], Any]
"""Makes the client of a tenant from a raw client; ``(raw, tenant) -> client``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A kind of client under test.

    ``client_for``: makes it for a tenant; anything with qdrant-client's methods. ``asynchronous``:
    raw clients are `AsyncQdrantClient`. ``raw``: makes a raw client of an empty store, by default
    one in local mode; it must be able to make and drop collections. ``refusals``: the errors that
    a caller may see; any other is a crash. ``tenant_key``: the payload key that names the tenant.
    """

    name: str
    client_for: ClientFor
    asynchronous: bool = False
    raw: Callable[[], Any] | None = None
    refusals: tuple[type[Exception], ...] = (Exception,)
    tenant_key: str = TENANT_KEY

    def raw_client(self) -> Any:
        """Return a raw client of an empty store, or of the shared server."""
        if self.raw is not None:
            return self.raw()
        return AsyncQdrantClient(":memory:") if self.asynchronous else QdrantClient(":memory:")


class _Discarding:
    """An event sink: a run refuses hundreds of thousands of calls, and nobody reads of them."""

    def emit(self, event: Event) -> None:
        """Keep nothing."""


def _guarded(raw: QdrantClient, tenant: str) -> GuardedQdrantClient:
    return GuardedQdrantClient(raw, operator_context(tenant=tenant, principal="app"), _Discarding())


def _async_guarded(raw: AsyncQdrantClient, tenant: str) -> AsyncGuardedQdrantClient:
    context = operator_context(tenant=tenant, principal="app")
    return AsyncGuardedQdrantClient(raw, context, _Discarding())


GUARDED = Subject(name="guarded", client_for=_guarded, refusals=(RagbastionError,))
ASYNC_GUARDED = Subject(
    name="guarded, async",
    client_for=_async_guarded,
    asynchronous=True,
    refusals=(RagbastionError,),
)
NAIVE = Subject(name="naive wrapper", client_for=NaiveClient)
ASYNC_NAIVE = Subject(name="naive wrapper, async", client_for=AsyncNaiveClient, asynchronous=True)
