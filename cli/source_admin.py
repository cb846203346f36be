"""The sources of the settings' state folder, administered in the user's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from ..core.errors import AuditError, RagbastionError
from .state import user_name
from .tenant_state import opened_log

if TYPE_CHECKING:
    from ..core.events import Event, EventSink
    from ..core.settings import Settings
    from ..ingest.provenance import SourceAdmin


@contextmanager
def opened(settings: Settings) -> Iterator[SourceAdmin]:
    """Open the sources with the audit log as their sink; close both."""
    with opened_log(settings) as log, closing(_admin(settings, log)) as admin:
        yield admin


@contextmanager
def opened_to_revoke(settings: Settings) -> Iterator[SourceAdmin]:
    """Open the sources also where the audit log does not open: a revocation must not wait for it.

    Then what was revoked is, and the first event raises `AuditError` that says so.
    """
    with ExitStack() as stack:
        log: EventSink
        try:
            log = stack.enter_context(opened_log(settings))
        except RagbastionError as error:
            log = _NoLog(error)
        yield stack.enter_context(closing(_admin(settings, log)))


class _NoLog:
    """Stands for an audit log that does not open."""

    def __init__(self, error: RagbastionError) -> None:
        self._error = error

    def emit(self, event: Event) -> None:
        """Raise `AuditError`."""
        raise AuditError(
            f"{event.kind} of '{event.subject}': it is done and holds, and it is not in the audit "
            f"log, which does not open: {self._error}"
        )


def _admin(settings: Settings, log: EventSink) -> SourceAdmin:
    from ..ingest.provenance import SourceAdmin

    return SourceAdmin(settings.state_dir, log, principal=user_name(), settings=settings.provenance)
