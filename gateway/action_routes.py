"""``/v1/authorize``: a proposed action, decided for whom the key stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from ..core.errors import PolicyError
from ..policies import ActionRequest, Authorization
from ..tenancy import Credential
from .caller import Caller, claim_of, context_of, count_probe
from .contract import Fields, authorization_fields
from .json_route import StrictJsonRoute
from .schemas import AuthorizeBody
from .security import BEARER

if TYPE_CHECKING:
    from ..retrieval_guard import Guard


def action_router(guard: Guard) -> APIRouter:
    """Return the route."""
    router = APIRouter(
        prefix="/v1", tags=["actions"], route_class=StrictJsonRoute, dependencies=[BEARER]
    )

    @router.post("/authorize", response_model=None)
    def authorize(body: AuthorizeBody, caller: Caller) -> Fields:
        """Decide a proposed action; what is unknown or missing denies, with the reason."""
        return authorization_fields(body.id, decide(guard, body, caller))

    return router


def decide(guard: Guard, body: AuthorizeBody, caller: Credential) -> Authorization:
    """Decide for the key's own identity, or for whom an administrator's key names.

    Raises `AccessError` if a tenant's key names anyone else.
    """
    claim = claim_of(body)
    count_probe(guard, caller, claim, session=body.session_id())
    if caller.admin and body.tenant is None:
        return Authorization.deny("'tenant' is missing")
    context = context_of(caller, claim, session=body.session_id())
    line = {
        "tenant": context.tenant,
        "principal": context.principal,
        "roles": sorted(context.roles),
        "action": body.action,
        "resource": body.resource,
        "args": body.args,
        "session": body.session,
    }
    try:
        request = ActionRequest.from_json(line)
    except PolicyError as error:
        return Authorization.deny(str(error))
    return guard.authorize(request, context)
