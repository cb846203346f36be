"""What every guarded call passes: an active context, translated errors, reported refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import AccessError, CredentialError, IsolationError, StoreError
from ..core.events import Event, EventSink
from .context import TenantContext
from .guarded_methods import reason_of_refusal
from .qdrant_errors import translated


class RefusedNameError(IsolationError, AttributeError):
    """A name of the client that the guarded client does not offer; `hasattr` says so too."""


class TenantGuard:
    """The context that calls are made for, and the sink that hears of what was refused."""

    def __init__(self, context: TenantContext, events: EventSink) -> None:
        if not isinstance(context, TenantContext):
            raise IsolationError("guarded client refused: it needs a TenantContext")
        self.context = context
        self._events = events
        self._closed = False

    @contextmanager
    def calling(
        self, method: str, collection: str, shard_key_selector: object = None
    ) -> Iterator[None]:
        """Refuse a closed or expired guard and shard keys; translate and report errors.

        An event that cannot be kept raises in place of the refusal, so nothing is returned.
        """
        if self._closed:
            raise StoreError("the guarded client is closed: make a new one")
        try:
            self.context.require_active()
            if shard_key_selector is not None:
                raise IsolationError("shard keys are refused: the guard alone chooses shards")
            with translated(collection):
                yield
        except (IsolationError, CredentialError) as error:
            self._report(method, collection, error)
            raise

    def refusal(self, name: str) -> RefusedNameError:
        """Return the error for a name that is not offered, and report it."""
        error = RefusedNameError(
            f"QdrantClient.{name} is refused to tenants: {reason_of_refusal(name)}"
        )
        self._report(name, "", error)
        return error

    def close(self) -> None:
        """Refuse every call from now on."""
        self._closed = True

    def _report(self, method: str, collection: str, error: AccessError) -> None:
        self._events.emit(
            Event(
                kind="tenancy.refused",
                tenant=self.context.tenant,
                subject=collection,
                outcome="refused",
                principal=self.context.principal,
                session=self.context.session,
                detail={"method": method, "reason": str(error)},
            )
        )
