"""Decisions on actions without a vector store: policies, session facts and the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..core.errors import PolicyError
from ..core.events import Event

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..policies import ActionRequest, Authorization


class Decider:
    """Decides JSON lines as the gateway does: what the session is known for counts as well.

    INVARIANT: a decision is returned only after the audit log has kept it.
    """

    def __init__(self, settings: Settings) -> None:
        from ..policies import AuditLog, PolicyEngine, SessionStore

        self._engine = PolicyEngine.from_directory(settings.policy.directory)
        self._sessions = SessionStore(settings.state_dir / "sessions.db")
        self._audit = AuditLog(settings.state_dir / "audit.db")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sessions.close()
        self._audit.close()

    def decide(self, lines: Sequence[Mapping[str, Any]]) -> list[Authorization]:
        """Decide each line; what cannot be read as an action is denied with the reason."""
        decided = [self._decided(line) for line in lines]
        self._audit.emit_many([event for _, event in decided])
        return [authorization for authorization, _ in decided]

    def _decided(self, line: Mapping[str, Any]) -> tuple[Authorization, Event]:
        from ..policies import ActionRequest, Authorization

        try:
            request = self._with_known_facts(ActionRequest.from_json(line))
        except PolicyError as error:
            authorization = Authorization.deny(str(error)[:300])
            return authorization, _event(authorization, None)
        authorization = self._engine.authorize(request)
        return authorization, _event(authorization, request)

    def _with_known_facts(self, request: ActionRequest) -> ActionRequest:
        """Add what the session store knows; of each fact the worse one counts."""
        if request.session is None or not request.session.session:
            return request
        name = request.session.session
        known = self._sessions.facts(request.tenant, request.principal, name)
        return replace(request, session=request.session.worst(known))


def _event(authorization: Authorization, request: ActionRequest | None) -> Event:
    session = request.session.session if request and request.session else ""
    return Event(
        kind="authorize",
        tenant=request.tenant if request else "",
        principal=request.principal if request else "",
        session=session,
        subject=request.action if request else "unreadable request",
        outcome=authorization.decision.value,
        detail={
            "resource": str(request.resource) if request else "",
            "policies": list(authorization.policies),
        },
    )
