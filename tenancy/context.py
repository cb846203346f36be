"""Who asks: the tenant and principal that every guarded call is made for.

>>> TenantContext(tenant="acme", principal="agent-1").tenant
'acme'

A context comes from a verified credential (`ApiKeys.authenticate`), never from a request body.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from ..core.errors import CredentialError, UsageError
from .names import checked_tenant

_MAX_CHARS = 256
_MAX_ROLES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantContext:
    """Tenant, principal and what is known of why they ask; checked when made.

    ``tenant`` follows `names.checked_tenant`; the other texts have at most 256 characters, in NFC,
    none of them a control or invisible one. ``expires_at`` is seconds since the epoch, or None.
    Raises `UsageError` for anything else.
    """

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

    def __post_init__(self) -> None:
        checked_tenant(self.tenant)
        _check_text("principal", self.principal)
        if not self.principal:
            raise UsageError("context refused: principal is empty; name who asks")
        _check_text("purpose", self.purpose)
        _check_text("session", self.session)
        if not isinstance(self.roles, frozenset) or len(self.roles) > _MAX_ROLES:
            raise UsageError(f"context refused: roles must be a frozenset of at most {_MAX_ROLES}")
        for role in self.roles:
            _check_text("role", role)
        if self.expires_at is not None and not math.isfinite(self.expires_at):
            raise UsageError("context refused: expires_at must be seconds since the epoch, or None")

    def require_active(self) -> None:
        """Raise `CredentialError` if the context has expired; guarded calls do this first."""
        if self.expires_at is not None and time.time() >= self.expires_at:
            raise CredentialError(
                f"context of '{self.principal}' for tenant '{self.tenant}' has expired: "
                "authenticate again"
            )


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
    """Return a context for a caller that the calling program has authenticated by its own means."""
    return TenantContext(
        tenant=tenant,
        principal=principal,
        roles=frozenset(roles),
        purpose=purpose,
        session=session,
        expires_at=expires_at,
        groups=frozenset(groups),
        department=department,
        clearance=clearance,
        admin=admin,
    )


def _check_text(field: str, text: object) -> None:
    if not isinstance(text, str) or len(text) > _MAX_CHARS:
        raise UsageError(f"context refused: {field} must be a text of at most {_MAX_CHARS}")
    if not unicodedata.is_normalized("NFC", text):
        raise UsageError(f"context refused: {field} is not in Unicode normal form NFC")
    for position, character in enumerate(text):
        # C*: control, format (zero-width, bidi), surrogate, private use; Zl, Zp: line breaks.
        category = unicodedata.category(character)
        if category[0] == "C" or category in {"Zl", "Zp"}:
            raise UsageError(
                f"context refused: {field} holds character U+{ord(character):04X} at {position}"
            )
