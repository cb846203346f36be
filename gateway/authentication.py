"""Bearer keys and tokens, asked for before anything else of a request is read.

- INVARIANT: every route but ``/healthz`` answers 401 without a key or token that verifies: unknown
  routes, wrong methods and the OpenAPI document included.
- INVARIANT: whom a request is for comes from its key or token; a body that names anyone else is
  refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.errors import RagbastionError
from ..tenancy import Authentication, BootstrapKey, Credential
from .errors import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.events import EventSink
    from ..core.settings_tenancy import IdentitySettings
    from ..tenancy import ApiKeys
    from ..tenancy.credential import Verifier

OPEN_PATH = "/healthz"
# As much as settings may allow for a token; a key is far shorter.
_MAX_BEARER_CHARS = 65_536


class Authenticator:
    """Knows the bootstrap admin key, the keys of the key file, and tokens if there are verifiers.

    ``events`` hears of what was refused; a logger does if it is left out.
    """

    def __init__(
        self,
        keys: ApiKeys,
        bootstrap_key: str,
        tokens: Sequence[Verifier] = (),
        events: EventSink | None = None,
    ) -> None:
        self._bootstrap = BootstrapKey(bootstrap_key)
        self._authentication = Authentication(keys, tokens, events)

    async def authenticate(self, authorization: str | None) -> Credential:
        """Return whom an ``Authorization`` header stands for, or raise `CredentialError`."""
        bearer = _bearer(authorization)
        if bearer and (credential := self._bootstrap.credential(bearer)) is not None:
            return credential
        # The key file may be on a slow disk: it must not hold up the other requests.
        return await run_in_threadpool(self._authentication.authenticate, bearer)


def token_verifiers(settings: IdentitySettings) -> list[Verifier]:
    """Return the verifiers of tokens that the settings ask for; none of them by default.

    Raises `SettingsError` for keys that cannot be used, `MissingExtraError` without joserfc.
    """
    verifiers: list[Verifier] = []
    if settings.jwt is not None:
        from ..tenancy import JwtVerifier

        verifiers.append(JwtVerifier.from_settings(settings.jwt))
    if settings.jwt_svid is not None:
        from ..tenancy import JwtSvidVerifier

        verifiers.append(JwtSvidVerifier.from_settings(settings.jwt_svid))
    return verifiers


def _bearer(authorization: str | None) -> str | None:
    scheme, _, bearer = (authorization or "").partition(" ")
    bearer = bearer.strip()
    known = scheme.lower() == "bearer" and 0 < len(bearer) <= _MAX_BEARER_CHARS
    return bearer if known else None


class AuthenticationMiddleware:
    """Refuses a request without a valid key or token, and leaves the credential in its state."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; only HTTP and the start and stop of the app pass."""
        if scope["type"] == "lifespan" or _is_open(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # Nothing here speaks WebSocket: closed before it is accepted, which is a 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            credential = await self._authenticator.authenticate(_only_header(scope))
        except RagbastionError as error:
            await refusal(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["credential"] = credential
        await self._app(scope, receive, send)


def _only_header(scope: Scope) -> str | None:
    """Return the ``Authorization`` header; several count as none.

    A proxy that checks the one and this service that believes the other would be a way around both.
    """
    found = Headers(scope=scope).getlist("authorization")
    return found[0] if len(found) == 1 else None


def _is_open(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["path"] == OPEN_PATH
        and scope["method"] in {"GET", "HEAD"}
    )
