"""Policy, session risk and audit: what an agent may do, and the record of what was decided.

>>> from ragbastion.policies import ActionRequest, PolicyEngine
>>> engine = PolicyEngine.from_directory(None)
>>> engine.authorize(ActionRequest(
...     tenant="acme", principal="agent-7", roles=frozenset({"support"}),
...     action="refund", resource="order:o-1", args={"amount_cents": 60_000})).decision
<Effect.REQUIRE_APPROVAL: 'require_approval'>

Cedar decides; nothing here reads a document's text or calls a model.
"""

from .audit import AuditEntry, AuditLog, AuditReport
from .authorization import Authorization, Effect
from .engine import Explanation, PolicyEngine
from .folder import PolicyCheck, PolicyProblem
from .request import ActionRequest
from .resource import Resource
from .session import SessionFacts, Signal
from .session_store import SessionStore

__all__ = [
    "ActionRequest",
    "AuditEntry",
    "AuditLog",
    "AuditReport",
    "Authorization",
    "Effect",
    "Explanation",
    "PolicyCheck",
    "PolicyEngine",
    "PolicyProblem",
    "Resource",
    "SessionFacts",
    "SessionStore",
    "Signal",
]
