"""What an agent proposes to do, and how it becomes a request that policies decide.

Who acts comes from the context, never from the proposal: a proposal that names another tenant or
principal is refused, and counted against the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.chunk import Integrity
from ..core.errors import IsolationError, PolicyError
from ..policies import ActionRequest, Resource, SessionFacts
from ..tenancy import TenantContext

_IDENTITY = ("tenant", "principal")
_FIELDS = frozenset({"id", "action", "name", "resource", "args", "integrity", "roles", "session"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedAction:
    """A tool call that an agent wants to make.

    ``name`` is the action in the policies' schema, ``resource`` what it is on, in any form that
    `Resource.parse` reads. ``args`` is untrusted.
    """

    name: str
    resource: str | Resource
    args: Mapping[str, Any] = field(default_factory=dict)
    integrity: Integrity | None = None


Action = ActionRequest | ProposedAction | Mapping[str, Any]


def request_for(action: Action, context: TenantContext, session: SessionFacts) -> ActionRequest:
    """Return the request with the context's identity and what is known of its session.

    Raises `IsolationError` if the action names another tenant or principal, `PolicyError` if it
    cannot be read.
    """
    proposed = _proposed(action, context)
    return ActionRequest(
        tenant=context.tenant,
        principal=context.principal,
        roles=context.roles,
        action=proposed.name,
        resource=proposed.resource,
        args=proposed.args,
        session=session.worst(action.session if isinstance(action, ActionRequest) else None),
        integrity=proposed.integrity,
    )


def _proposed(action: Action, context: TenantContext) -> ProposedAction:
    if isinstance(action, ProposedAction):
        return action
    if isinstance(action, ActionRequest):
        _require_own({"tenant": action.tenant, "principal": action.principal}, context)
        return ProposedAction(
            name=action.action,
            resource=action.resource,
            args=action.args,
            integrity=action.integrity,
        )
    if not isinstance(action, Mapping):
        raise PolicyError(f"the action is {type(action).__name__}, expected an object")
    _require_own(action, context)
    return _from_mapping(action)


def _require_own(named: Mapping[str, Any], context: TenantContext) -> None:
    own = {"tenant": context.tenant, "principal": context.principal}
    for name in _IDENTITY:
        if named.get(name) not in (None, own[name]):
            raise IsolationError(
                f"the action names another {name} than the context: leave it out, or "
                "authenticate as that one"
            )


def _from_mapping(action: Mapping[str, Any]) -> ProposedAction:
    unknown = sorted(str(name) for name in action if name not in _FIELDS | set(_IDENTITY))
    if unknown:
        raise PolicyError(f"unknown field '{unknown[0][:64]}': the policies would not see it")
    name, resource = action.get("action", action.get("name")), action.get("resource")
    args = action.get("args", {})
    if not isinstance(name, str) or not name:
        raise PolicyError("'action' is missing")
    if not isinstance(args, Mapping):
        raise PolicyError(f"'args' is {type(args).__name__}, expected an object")
    return ProposedAction(
        name=name,
        resource=resource if isinstance(resource, Resource) else Resource.parse(resource),
        args=args,
        integrity=_integrity(action.get("integrity")),
    )


def _integrity(value: object) -> Integrity | None:
    try:
        return None if value is None else Integrity(str(value))
    except ValueError:
        raise PolicyError("'integrity' must be trusted, untrusted or unverified") from None
