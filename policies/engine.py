"""The policy engine: a request in, a decision with reasons and obligations out.

- INVARIANT: nothing is allowed unless Cedar allows it with no error; whatever this module cannot
  read, build or evaluate is a denial that says why.
- INVARIANT: approval is only offered where it would help: with the asking forbids taken away, the
  same request must be allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.chunk import Chunk
from ..core.errors import PolicyError
from .authorization import Authorization, Effect
from .cedar import CedarAnswer, CedarPolicySet
from .entities import CedarCall, build_call
from .folder import Policy, PolicyCheck, PolicyFolder
from .names import role_name
from .request import ActionRequest
from .resource import Resource
from .session import SessionFacts

_MAX_REASON_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyNote:
    """Whether the condition of one policy, taken by itself, holds for a request."""

    id: str
    effect: str
    file: str
    reason: str
    applies: bool
    determining: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision with what every policy says of the request."""

    authorization: Authorization
    notes: tuple[PolicyNote, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON form: the decision, and one object a policy."""
        notes = [
            {
                "id": note.id,
                "effect": note.effect,
                "file": note.file,
                "reason": note.reason,
                "applies": note.applies,
                "determining": note.determining,
            }
            for note in self.notes
        ]
        return {**self.authorization.as_dict(), "policies": notes}


class PolicyEngine:
    """Decides proposed actions by a folder of Cedar policies, parsed once and held."""

    def __init__(self, folder: PolicyFolder) -> None:
        self._shape, self._schema = folder.require()
        self._policies = folder.policies
        self._all = self._policy_set(list(self._policies.values()))
        self._approved = self._policy_set([p for p in self._policies.values() if not p.asks])
        self._roles = frozenset().union(*(p.roles() for p in self._policies.values()))

    @classmethod
    def from_directory(cls, directory: Path | None = None) -> PolicyEngine:
        """Load a folder of policies, or the shipped examples for None.

        Raises `UsageError` listing every problem of the folder.
        """
        return cls(PolicyFolder(directory))

    @staticmethod
    def check(directory: Path | None = None) -> PolicyCheck:
        """Report on a folder without using it."""
        return PolicyFolder(directory).check()

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that the schema declares."""
        return tuple(self._shape.actions)

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The policies by id."""
        return self._policies

    def authorize(self, request: ActionRequest | Mapping[str, Any]) -> Authorization:
        """Decide one action; a mapping is read as the JSON line of the command-line contract.

        Never raises for what the request holds: what cannot be read is denied with the reason.
        """
        try:
            parsed = self._parsed(request)
            call = build_call(parsed, self._shape)
        except PolicyError as error:
            return Authorization.deny(_short(str(error)))
        return self._decide(parsed, call)

    def may_read(
        self,
        chunk: Chunk,
        *,
        tenant: str,
        principal: str,
        roles: Collection[str] = (),
        session: SessionFacts | None = None,
    ) -> Authorization:
        """Decide whether a principal may be served a chunk: ``retrieve`` on its Document.

        Roles that no policy names are left out here: they come from a verified credential and
        confer nothing.
        """
        try:
            resource = Resource.of_chunk(chunk)
        except PolicyError as error:
            return Authorization.deny(_short(str(error)))
        known = frozenset(role_name(role) for role in roles) & self._roles
        return self.authorize(
            ActionRequest(
                tenant=tenant,
                principal=principal,
                roles=known,
                action="retrieve",
                resource=resource,
                session=session,
            )
        )

    def explain(self, request: ActionRequest | Mapping[str, Any]) -> Explanation:
        """Decide, and say of every policy whether its condition holds.

        Evaluates each policy alone; cost is linear in the number of policies.
        """
        authorization = self.authorize(request)
        try:
            call = build_call(self._parsed(request), self._shape)
        except PolicyError:
            return Explanation(authorization=authorization, notes=())
        notes = (self._note(policy, call, authorization) for policy in self._policies.values())
        return Explanation(authorization=authorization, notes=tuple(notes))

    def _parsed(self, request: ActionRequest | Mapping[str, Any]) -> ActionRequest:
        parsed = request
        if not isinstance(parsed, ActionRequest):
            parsed = ActionRequest.from_json(parsed)
        roles = frozenset(role_name(role) for role in parsed.roles)
        if roles and not roles & self._roles:
            raise PolicyError(f"no policy names any of the roles {sorted(roles)}")
        return replace(parsed, roles=roles)

    def _decide(self, request: ActionRequest, call: CedarCall) -> Authorization:
        answer = self._all.decide(call.request, call.entities)
        if answer.errors:
            return Authorization.deny(*(_short(f"policy error: {text}") for text in answer.errors))
        if answer.allowed:
            return self._authorization(Effect.ALLOW, answer)
        if not answer.determining:
            return Authorization.deny(_default_deny(request))
        if not all(self._policies[name].asks for name in answer.determining):
            return self._authorization(Effect.DENY, answer)
        return self._ask(request, call, answer)

    def _ask(self, request: ActionRequest, call: CedarCall, asking: CedarAnswer) -> Authorization:
        """Ask for approval if the request would be allowed once approved; else deny."""
        approved = self._approved.decide(call.request, call.entities)
        if not approved.allowed:
            return Authorization.deny(_default_deny(request))
        asked = self._authorization(Effect.REQUIRE_APPROVAL, asking)
        granted = self._authorization(Effect.ALLOW, approved)
        return replace(asked, obligations=_unique(asked.obligations + granted.obligations))

    def _authorization(self, effect: Effect, answer: CedarAnswer) -> Authorization:
        determining = [self._policies[name] for name in answer.determining]
        obligations = [item for policy in determining for item in policy.obligations]
        return Authorization(
            decision=effect,
            reasons=tuple(f"{policy.id}: {policy.reason}" for policy in determining),
            obligations=() if effect is Effect.DENY else _unique(tuple(obligations)),
            policies=answer.determining,
        )

    def _note(self, policy: Policy, call: CedarCall, authorization: Authorization) -> PolicyNote:
        alone = self._policy_set([policy]).decide(call.request, call.entities)
        return PolicyNote(
            id=policy.id,
            effect=policy.effect,
            file=policy.file,
            reason=policy.reason,
            applies=policy.id in alone.determining,
            determining=policy.id in authorization.policies,
        )

    def _policy_set(self, policies: Collection[Policy]) -> CedarPolicySet:
        return CedarPolicySet({policy.id: policy.body for policy in policies}, self._schema)


def _default_deny(request: ActionRequest) -> str:
    roles = ", ".join(sorted(request.roles)) or "none"
    return _short(
        f"no policy permits '{request.action}' for principal '{request.principal}' (roles: {roles})"
    )


def _short(text: str) -> str:
    return text if len(text) <= _MAX_REASON_CHARS else text[: _MAX_REASON_CHARS - 1] + "…"


def _unique(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
