"""What a verifier found out: for whom a key or token stands, and the contexts that follow from it.

- INVARIANT: a tenant's credential yields contexts of its own tenant and principal only, with the
  session and purpose that it names, if it names one. Only an administrator's may name a tenant.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import InitVar, dataclass, field
from typing import Protocol, final

from ..core.errors import AccessError, CredentialError, UsageError
from .context import Liveness, TenantContext
from .sealed import VERIFIED, Proof, Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What access inside a tenant is decided by, beside roles; ``clearance`` from 0 to 3."""

    groups: Collection[str] = ()
    department: str = ""
    clearance: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Sealed):
    """What a verified key or token stands for; ``tenant`` is None for an administrator's key.

    ``key_id`` names the API key, or the signing key of a token, for messages and the audit log.
    """

    _proof: InitVar[Proof]
    key_id: str
    tenant: str | None
    principal: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    department: str = ""
    clearance: int = 0
    session: str = ""
    purpose: str = ""
    expires_at: float | None = None
    liveness: Liveness | None = field(default=None, repr=False, compare=False)

    @property
    def admin(self) -> bool:
        """Whether the key may act for every tenant and administer."""
        return self.tenant is None

    def require_active(self) -> None:
        """Raise `CredentialError` once it has expired or was revoked, as its contexts do."""
        if self.expires_at is not None and time.time() >= self.expires_at:
            raise CredentialError(f"key '{self.key_id}' has expired: authenticate again")
        if self.liveness is not None:
            self.liveness.require_live()

    def context(
        self,
        *,
        tenant: str | None = None,
        session: str = "",
        purpose: str = "",
        admin: bool = False,
    ) -> TenantContext:
        """Return the context of one request; only an administrator's may name its tenant.

        ``admin`` asks for the administrative methods of a guarded client: off unless asked for.
        Raises `AccessError` if a tenant's key names another tenant, session or purpose than its own
        or asks to administer, `UsageError` if an administrator's names no tenant.
        """
        if admin and not self.admin:
            raise AccessError(f"key '{self.key_id}' is bound to a tenant and may not administer")
        return self._made(
            tenant=self._tenant(tenant),
            principal=self.principal,
            roles=self.roles,
            session=self._bound("session", self.session, session),
            purpose=self._bound("purpose", self.purpose, purpose),
            admin=admin,
        )

    def is_for(self, principal: str | None) -> bool:
        """Say whether a request that names this principal, or none, is for the key's own."""
        return principal in {None, self.principal}

    def attributes_of(self, principal: str | None) -> Attributes:
        """Return the key's own attributes for its own principal, and none for another."""
        if not self.is_for(principal):
            return Attributes()
        return Attributes(groups=self.groups, department=self.department, clearance=self.clearance)

    def acting_for(
        self,
        *,
        tenant: str | None,
        principal: str | None = None,
        roles: Collection[str] | None = None,
        attributes: Attributes | None = None,
        session: str = "",
    ) -> TenantContext:
        """Return the context of a caller whom the holder of an administrator's key vouches for.

        What is left out is the key's own for its own principal, and nothing for another: nobody
        gains an administrator's roles, groups or clearance by being named. Raises `AccessError` for
        a tenant's key.
        """
        if not self.admin:
            raise AccessError(f"key '{self.key_id}' may not act for others")
        return self._made(
            tenant=self._tenant(tenant),
            principal=principal or self.principal,
            roles=(self.roles if self.is_for(principal) else frozenset())
            if roles is None
            else frozenset(roles),
            session=session,
            attributes=attributes or self.attributes_of(principal),
        )

    def _made(
        self,
        *,
        tenant: str,
        principal: str,
        roles: frozenset[str],
        session: str,
        purpose: str = "",
        admin: bool = False,
        attributes: Attributes | None = None,
    ) -> TenantContext:
        given = attributes or self
        return TenantContext(
            _proof=VERIFIED,
            tenant=tenant,
            principal=principal,
            roles=roles,
            purpose=purpose,
            session=session,
            expires_at=self.expires_at,
            groups=frozenset(given.groups),
            department=given.department,
            clearance=given.clearance,
            admin=admin,
            liveness=self.liveness,
        )

    def _tenant(self, named: str | None) -> str:
        if self.tenant is not None and named not in {None, self.tenant}:
            raise AccessError(
                f"key '{self.key_id}' is bound to tenant '{self.tenant}' and may not name another"
            )
        chosen = self.tenant if self.tenant is not None else named
        if chosen is None:
            raise UsageError("an administrator's key must name the tenant it acts for")
        return chosen

    def _bound(self, what: str, own: str, named: str) -> str:
        if own and named not in {"", own}:
            raise AccessError(
                f"key '{self.key_id}' is bound to one {what} and may not name another"
            )
        return own or named


class Verifier(Protocol):
    """Turns a bearer text into what it stands for."""

    def authenticate(self, bearer: str | None) -> Credential:
        """Return the credential, or raise `CredentialError` without an echo of the bearer."""
        ...
