"""Step 2: the policy decides for each passage whether this reader may see its document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..policies import Authorization, PolicyEngine, SessionFacts
from ..tenancy import TenantContext
from .passage import Outcome, Passage

STEP = "policy"


class Permission:
    """Asks the policy for ``retrieve`` on each passage; all but a plain allow drops it.

    An approval cannot be waited for in the middle of a search, so a passage that needs one is not
    served.
    """

    def __init__(self, policy: PolicyEngine) -> None:
        self._policy = policy

    def __call__(
        self, passages: Sequence[Passage], context: TenantContext, session: SessionFacts
    ) -> list[Outcome]:
        """Return one outcome a passage, in order; kept ones carry the policy's obligations."""
        return [self._asked(passage, context, session) for passage in passages]

    def _asked(self, passage: Passage, context: TenantContext, session: SessionFacts) -> Outcome:
        answer = self._policy.may_read(
            passage.chunk,
            tenant=context.tenant,
            principal=context.principal,
            roles=context.roles,
            session=session,
        )
        if not answer.allowed:
            return passage.dropped(STEP, _why(answer))
        return replace(passage, obligations=answer.obligations)


def _why(answer: Authorization) -> str:
    return "; ".join(answer.reasons) or f"the policy answered {answer.decision}"
