"""Who asks: the tenant and principal that every guarded call is made for.

>>> operator_context(tenant="acme", principal="agent-1").tenant
'acme'

A context comes from a verified credential (`ApiKeys`, `JwtVerifier`, `JwtSvidVerifier`), never from
a request body; `sealed` says what holds that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import InitVar, dataclass, field, fields
from typing import Any, Protocol, final

from ..core.errors import AccessError, CredentialError, UsageError
from ..core.events import Event
from .names import check_text, checked_tenant
from .sealed import VERIFIED, Proof, Sealed

MAX_CLEARANCE = 3
_MAX_NAMES = 64


class Liveness(Protocol):
    """Knows whether the credential behind a context still holds."""

    def require_live(self) -> None:
        """Raise `CredentialError` once the credential was revoked, expired or replaced."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TenantContext(Sealed):
    """Tenant, principal and what is known of why they ask; checked when made, never by a caller.

    ``tenant`` follows `names.checked_tenant`; the other texts have at most 256 characters, in NFC,
    none of them a control or invisible one. ``expires_at`` is seconds since the epoch, or None.
    ``clearance`` runs from 0, public, to 3, secret. ``admin`` opens the administrative methods of a
    guarded client. Raises `UsageError` for anything else.
    """

    _proof: InitVar[Proof]
    tenant: str
    principal: str
    roles: frozenset[str] = frozenset()
    purpose: str = ""
    session: str = ""
    expires_at: float | None = None
    groups: frozenset[str] = frozenset()
    department: str = ""
    clearance: int = 0
    admin: bool = False
    liveness: Liveness | None = field(default=None, repr=False, compare=False)

    def __post_init__(self, _proof: Proof) -> None:
        checked_tenant(self.tenant)
        check_text("context refused: principal", self.principal)
        if not self.principal:
            raise UsageError("context refused: principal is empty; name who asks")
        for name in ("purpose", "session", "department"):
            check_text(f"context refused: {name}", getattr(self, name))
        _check_names("role", self.roles)
        _check_names("group", self.groups)
        if type(self.clearance) is not int or not 0 <= self.clearance <= MAX_CLEARANCE:
            raise UsageError(f"context refused: clearance must be 0 to {MAX_CLEARANCE}")
        if type(self.admin) is not bool:
            raise UsageError("context refused: admin must be True or False")
        if self.expires_at is not None and not math.isfinite(self.expires_at):
            raise UsageError("context refused: expires_at must be seconds since the epoch, or None")

    def require_active(self) -> None:
        """Raise `CredentialError` if the context has expired or its credential was revoked.

        Guarded calls do this first, so a client in use stops with its key. Costs what the verifier
        that made the context says of its `Liveness`.
        """
        if self.expires_at is not None and time.time() >= self.expires_at:
            raise CredentialError(
                f"context of '{self.principal}' for tenant '{self.tenant}' has expired: "
                "authenticate again"
            )
        if self.liveness is not None:
            self.liveness.require_live()

    def event(
        self, kind: str, outcome: str, *, subject: str = "", detail: Mapping[str, Any] | None = None
    ) -> Event:
        """Return an event of what this context asked for; the fields are `Event`'s."""
        return Event(
            kind=kind,
            tenant=self.tenant,
            subject=subject,
            outcome=outcome,
            principal=self.principal,
            session=self.session,
            detail={} if detail is None else detail,
        )

    def narrowed(
        self,
        *,
        roles: Collection[str] | None = None,
        groups: Collection[str] | None = None,
        clearance: int | None = None,
    ) -> TenantContext:
        """Return this context with less: what is left out stays, and it is no administrator's.

        Raises `AccessError` for a role or group that it does not have, or a higher clearance.
        """
        fewer_roles = self.roles if roles is None else frozenset(roles)
        fewer_groups = self.groups if groups is None else frozenset(groups)
        lower = self.clearance if clearance is None else clearance
        if not (fewer_roles <= self.roles and fewer_groups <= self.groups):
            raise AccessError("context refused: a role or group that it does not have")
        if lower > self.clearance:
            raise AccessError("context refused: a clearance above its own")
        kept = {each.name: getattr(self, each.name) for each in fields(self)}
        less = {"roles": fewer_roles, "groups": fewer_groups, "clearance": lower, "admin": False}
        return TenantContext(_proof=VERIFIED, **{**kept, **less})


def operator_context(
    *,
    tenant: str,
    principal: str,
    roles: Collection[str] = (),
    purpose: str = "",
    session: str = "",
    expires_at: float | None = None,
    groups: Collection[str] = (),
    department: str = "",
    clearance: int = 0,
    admin: bool = False,
) -> TenantContext:
    """Return a context for a caller that the calling program has authenticated by its own means.

    Whoever calls this vouches for every field: pass nothing that a request says of itself. Raises
    `UsageError` for what `TenantContext` refuses.
    """
    return TenantContext(
        _proof=VERIFIED,
        tenant=tenant,
        principal=principal,
        roles=_names("role", roles),
        purpose=purpose,
        session=session,
        expires_at=expires_at,
        groups=_names("group", groups),
        department=department,
        clearance=clearance,
        admin=admin,
    )


def _names(kind: str, names: Collection[str]) -> frozenset[str]:
    # A bare string is a collection of letters, and never what was meant.
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"context refused: {kind}s must be a collection of texts")
    return frozenset(names)


def _check_names(kind: str, names: object) -> None:
    if not isinstance(names, frozenset) or len(names) > _MAX_NAMES:
        raise UsageError(f"context refused: {kind}s must be a frozenset of at most {_MAX_NAMES}")
    for name in names:
        check_text(f"context refused: {kind}", name, shortest=1)
