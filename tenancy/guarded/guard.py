"""What every guarded call passes: an active context, quotas, translated errors, events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...core.errors import CredentialError, IsolationError, StoreError
from ...core.events import EventSink
from ..guarded_methods import reason_of_refusal
from ..qdrant_errors import translated
from .points import WithheldError
from .scope import TenantScope

# What would end the part of a server's path that names the collection.
_PATH_CHARACTERS = frozenset("/\\?#%")
_MAX_COLLECTION_CHARS = 255


class RefusedNameError(IsolationError, AttributeError):
    """A name of the client that the guarded client does not offer; `hasattr` says so too."""


class TenantGuard:
    """The scope that calls are made in, and the sink that hears of what was refused."""

    def __init__(self, scope: TenantScope, events: EventSink) -> None:
        self.scope = scope
        self._events = events
        self._closed = False

    @property
    def admin(self) -> bool:
        """Say whether the context may reach beyond its tenant."""
        return self.scope.context.admin

    @contextmanager
    def calling(self, method: str, collection: str) -> Iterator[None]:
        """Refuse a closed or expired guard; translate and report errors.

        An event that cannot be kept raises in place of the refusal, so nothing is returned.
        """
        subject = collection if _names_collection(collection) else ""
        try:
            self._open()
            if not subject:
                raise IsolationError(
                    "collection refused: it must be a name of 1 to 255 printable characters "
                    "without / \\ ? # %"
                )
            with translated(collection):
                yield
        except WithheldError as error:
            detail = {"method": method, "reason": str(error), "point": error.stored_id}
            self._report("tenancy.withheld", subject, "withheld", detail)
            raise
        except (IsolationError, CredentialError) as error:
            detail = {"method": method, "reason": str(error)}
            self._report("tenancy.refused", subject, "refused", detail)
            raise

    @contextmanager
    def passing(self, method: str, collection: str) -> Iterator[None]:
        """Report an administrator's call before it is made, and translate its errors."""
        self._open()
        self._report("tenancy.admin", collection, "allowed", {"method": method})
        with translated(collection):
            yield

    def refusal(self, name: str) -> RefusedNameError:
        """Return the error for a name that is not offered, and report it."""
        error = RefusedNameError(
            f"QdrantClient.{name} is refused to tenants: {reason_of_refusal(name)}"
        )
        detail = {"method": name, "reason": str(error)}
        self._report("tenancy.refused", "", "refused", detail)
        return error

    def close(self) -> None:
        """Refuse every call from now on."""
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise StoreError("the guarded client is closed: make a new one")
        self.scope.context.require_active()
        if self.scope.quotas is not None:
            self.scope.quotas.spend_call(self.scope.context)

    def _report(self, kind: str, collection: str, outcome: str, detail: dict[str, str]) -> None:
        context = self.scope.context
        self._events.emit(
            context.event(
                kind,
                outcome,
                subject=collection,
                detail=detail,
            )
        )


def _names_collection(name: str) -> bool:
    """Say whether a caller's collection can only be that in a request to a server."""
    readable = name.isprintable() and not _PATH_CHARACTERS & set(name)
    return readable and name not in {"", ".", ".."} and len(name) <= _MAX_COLLECTION_CHARS
