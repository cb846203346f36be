"""Refused commands of an administrator, as events of the audit log.

- INVARIANT: a refusal is reported after what the command opened is closed, so that it is the only
  writer of the log in this process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..core.errors import RagbastionError, SettingsError, UsageError
from .command import Body, ExitCode, complain
from .state import load, user_name

if TYPE_CHECKING:
    from ..core.events import Event

_MAX_REASON_CHARS = 500


def audited(kind: str, method: str) -> Callable[[Body], Body]:
    """Make each refusal of a command an event, such as ``tenancy.refused`` by ``tenants erase``.

    The error goes on as it was. If the log cannot keep the event, a line on stderr says so: nothing
    was done that the log would have to prove.
    """

    def decorate(body: Body) -> Body:
        @functools.wraps(body)
        def run(**values: Any) -> ExitCode:
            try:
                return body(**values)
            except RagbastionError as error:
                _report(_event(kind, method, values.get("tenant"), error), values)
                raise

        return run

    return decorate


def _event(kind: str, method: str, tenant: object, error: RagbastionError) -> Event:
    from ..core.events import Event

    detail = {"method": method, "reason": str(error)[:_MAX_REASON_CHARS]}
    return Event(
        kind=kind,
        tenant=_name(tenant),
        subject="",
        outcome="refused",
        principal=user_name(),
        detail=detail,
    )


def _name(tenant: object) -> str:
    """Return a tenant's name, or nothing for one that is not to stand in a log."""
    from ..tenancy.names import checked_tenant

    try:
        return checked_tenant(tenant)
    except UsageError:
        return ""


def _report(event: Event, values: dict[str, Any]) -> None:
    from ..policies import AuditLog

    try:
        settings = load(values.get("config"))
    except SettingsError:
        return  # which is what was refused: where the log is cannot be known
    try:
        with closing(AuditLog(settings.state_dir / "audit.db")) as log:
            log.emit(event)
    except RagbastionError as error:
        complain(f"warning: the refusal is not in the audit log: {error}")
