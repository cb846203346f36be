"""For whom a request is: what its key or token says, and what an administrator's may say beside.

- INVARIANT: a tenant's key never yields a context of another tenant or principal, nor a role that
  the key does not have, whatever the body says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ..core.errors import AccessError, UsageError
from ..ingest import Writer
from ..tenancy import AccessLabel, Attributes, Credential, TenantContext

if TYPE_CHECKING:
    from ..retrieval_guard import Guard
    from .schemas import OnBehalf

INGEST_ROLE = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whom a body names, and with which attributes; None where it names nothing."""

    tenant: str | None = None
    principal: str | None = None
    roles: Collection[str] | None = None
    groups: Collection[str] | None = None
    department: str | None = None
    clearance: int | None = None


def claim_of(body: OnBehalf) -> Claim:
    """Return whom a body names."""
    return Claim(
        tenant=body.tenant,
        principal=body.principal,
        roles=body.roles,
        groups=body.groups,
        department=body.department,
        clearance=body.clearance,
    )


# Async, or the framework would spend a thread of the pool on it.
async def _credential(request: Request) -> Credential:
    credential = getattr(request.state, "credential", None)
    # Only a route that the middleware does not guard could come here without one.
    if not isinstance(credential, Credential):
        raise AccessError("the request was not authenticated")
    # Again: the body has been read since, and a slow one takes as long as the limits allow.
    await run_in_threadpool(credential.require_active)
    return credential


Caller = Annotated[Credential, Depends(_credential)]
"""The verified credential of a request."""


def context_of(credential: Credential, claim: Claim, *, session: str = "") -> TenantContext:
    """Return the context of a request, or raise `AccessError` if the body claims too much."""
    if credential.admin:
        return credential.acting_for(
            tenant=claim.tenant,
            principal=claim.principal,
            roles=claim.roles,
            attributes=_attributes(credential, claim),
            session=session,
        )
    _refuse_more(credential, claim)
    own = credential.context(session=session)
    if claim.roles is None and claim.groups is None and claim.clearance is None:
        return own
    return own.narrowed(roles=claim.roles, groups=claim.groups, clearance=claim.clearance)


def writer_of(credential: Credential, claim: Claim, label: AccessLabel | None) -> Writer:
    """Return who brings documents in, and with which label.

    A tenant's key needs the role ``ingest``: whoever ingests speaks for the source that is named.
    """
    if not credential.admin:
        _refuse_more(credential, claim)
        if INGEST_ROLE not in credential.roles:
            raise AccessError(f"key '{credential.key_id}' lacks the role '{INGEST_ROLE}'")
    elif claim.tenant is None:
        raise UsageError("an administrator's key must name the tenant: field 'tenant'")
    return Writer(context=context_of(credential, claim), label=label)


def count_probe(guard: Guard, credential: Credential, claim: Claim, *, session: str) -> None:
    """Audit a tenant's key that names another tenant, and count it against the session."""
    if _names_another_tenant(credential, claim):
        guard.authorize({"tenant": claim.tenant}, credential.context(session=session))


def _names_another_tenant(credential: Credential, claim: Claim) -> bool:
    return credential.tenant is not None and claim.tenant not in {None, credential.tenant}


def _refuse_more(credential: Credential, claim: Claim) -> None:
    if _names_another_tenant(credential, claim):
        raise AccessError(f"key '{credential.key_id}' is bound to its tenant and named another")
    if claim.principal not in {None, credential.principal}:
        raise AccessError(f"key '{credential.key_id}' may not speak for another principal")
    if claim.department not in {None, credential.department}:
        raise AccessError(f"key '{credential.key_id}' may not claim another department")
    if claim.roles is not None and not set(claim.roles) <= credential.roles:
        raise AccessError(f"key '{credential.key_id}' may not claim a role that it does not have")


def _attributes(credential: Credential, claim: Claim) -> Attributes:
    """Return the attributes of whom an administrator's key names."""
    own = credential.attributes_of(claim.principal)
    return Attributes(
        groups=own.groups if claim.groups is None else claim.groups,
        department=own.department if claim.department is None else claim.department,
        clearance=own.clearance if claim.clearance is None else claim.clearance,
    )
