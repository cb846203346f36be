"""The guard of what an agent does and says: policy, obligations, audit, session."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ..core.errors import IsolationError, PolicyError, UsageError
from ..core.events import EventSink
from ..policies import Authorization, Effect, PolicyEngine, SessionStore, Signal
from ..tenancy import TenantContext
from .proposal import Action, ProposedAction, request_for
from .redaction import masked_entities
from .retrieval import require_context

if TYPE_CHECKING:
    from ..pii import Redacted, Redactor


class ActionGuard:
    """Decides proposed actions, and masks answers by what the policy obliges to."""

    def __init__(self, policy: PolicyEngine, sessions: SessionStore, events: EventSink) -> None:
        self._policy = policy
        self._sessions = sessions
        self._events = events

    def authorize(self, action: Action, context: TenantContext) -> Authorization:
        """Decide an action by policy and by what its session has read; audit the decision.

        Raises only for the context; whatever is wrong with the action denies it.
        """
        require_context(context, self._events)
        who = (context.tenant, context.principal, context.session)
        signal, name = Signal.DENIAL, ""
        try:
            request = request_for(action, context, self._sessions.facts(*who))
            name = request.action
            answer = self._policy.authorize(request)
        except IsolationError as error:
            answer, signal = Authorization.deny(str(error)), Signal.FOREIGN_TENANT_PROBE
        except PolicyError as error:
            answer = Authorization.deny(str(error))
        if answer.decision is Effect.DENY:
            self._sessions.observe(*who, signal)
        self._record(name, answer, context)
        return answer

    def respond(
        self, text: str, context: TenantContext, redactor: Redactor, entities: tuple[str, ...]
    ) -> Redacted:
        """Mask an agent's answer (untrusted): ``entities``, and what the policy obliges to.

        Raises `PolicyError` if the agent may not answer at all.
        """
        if not isinstance(text, str):
            raise UsageError(f"an answer must be a text, not {type(text).__name__}")
        answer = self.authorize(ProposedAction(name="respond", resource="answer"), context)
        if not answer.allowed:
            raise PolicyError(f"the answer may not be given: {'; '.join(answer.reasons)}")
        return redactor.redact(text, sorted({*entities, *masked_entities(answer.obligations)}))

    def _record(self, name: str, answer: Authorization, context: TenantContext) -> None:
        self._events.emit(
            context.event(
                "authorize",
                answer.decision.value,
                subject=uuid.uuid4().hex,
                detail={
                    "action": name,
                    "policies": list(answer.policies),
                    "reasons": list(answer.reasons),
                    "obligations": list(answer.obligations),
                },
            )
        )
