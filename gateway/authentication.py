"""Bearer keys, asked for before anything else of a request is read.

- INVARIANT: every route but ``/healthz`` answers 401 without a key that verifies: unknown routes,
  wrong methods and the OpenAPI document included.
- INVARIANT: whom a request is for comes from its key; a body that names anyone else is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.errors import CredentialError, RagbastionError, SettingsError
from ..tenancy import Credential
from .errors import refusal

if TYPE_CHECKING:
    from ..tenancy import ApiKeys

OPEN_PATH = "/healthz"
_MAX_KEY_CHARS = 512
_BOOTSTRAP = Credential(
    key_id="bootstrap", tenant=None, principal="admin", roles=frozenset({"admin"})
)


class Authenticator:
    """Knows the bootstrap admin key and the keys of the key file.

    Only a digest of the bootstrap key is kept; both are compared in constant time.
    """

    def __init__(self, keys: ApiKeys, bootstrap_key: str) -> None:
        if not bootstrap_key.strip():
            raise SettingsError(
                "the bootstrap admin key (RAGBASTION_API_KEY) is empty: set a long random one, or "
                "unset it and one is generated"
            )
        self._keys = keys
        self._digest = _digest(bootstrap_key)

    async def authenticate(self, authorization: str | None) -> Credential:
        """Return who holds the key of an ``Authorization`` header, or raise `CredentialError`."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > _MAX_KEY_CHARS:
            raise CredentialError("no key: send the header 'Authorization: Bearer <key>'")
        if hmac.compare_digest(_digest(key), self._digest):
            return _BOOTSTRAP
        # The key file may be on a slow disk: it must not hold up the other requests.
        return await run_in_threadpool(self._keys.authenticate, key)


class AuthenticationMiddleware:
    """Refuses a request without a valid key, and leaves the credential in the request's state."""

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
        header = Headers(scope=scope).get("authorization")
        try:
            credential = await self._authenticator.authenticate(header)
        except RagbastionError as error:
            await refusal(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["credential"] = credential
        await self._app(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["path"] == OPEN_PATH
        and scope["method"] in {"GET", "HEAD"}
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
