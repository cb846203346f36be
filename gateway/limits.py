"""What one client can cost: the size and time of a body, and how many requests run at once."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .authentication import OPEN_PATH
from .errors import error_response

BODY_TIMEOUT_S = 30.0
"""A body of the default limit at 1.4 Mbit/s; a slower client is more likely holding us up."""

_UNLIMITED = {OPEN_PATH, "/readyz"}


class BodyLimitMiddleware:
    """Reads the body, at most ``max_bytes`` of it within ``timeout_s``, before the app runs.

    INVARIANT: no more than the limit is kept, whatever ``Content-Length`` claims. A slow body
    holds no slot of the `ConcurrencyMiddleware`, which stands behind this one.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._read(scope, receive)
        except ClientDisconnect:
            return
        except TimeoutError:
            await _refused(408, "RequestTimeout", "the body did not arrive in time")(
                scope, receive, send
            )
            return
        if body is None:
            message = f"the body is larger than {self._max_bytes} bytes: send it in parts"
            await _refused(413, "LimitError", message)(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body, or None as soon as it is known to be too large.

        Raises `ClientDisconnect` if the client leaves before its end.
        """
        length = Headers(scope=scope).get("content-length", "")
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


class _Replay:
    """Gives the app the body that was read, and then what really comes next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class ConcurrencyMiddleware:
    """Lets ``limit`` requests run at once and answers 503 to the rest, at once and cheaply."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; probes of liveness and readiness are not counted."""
        if scope["type"] != "http" or scope["path"] in _UNLIMITED:
            await self._app(scope, receive, send)
            return
        if self._running >= self._limit:
            response = error_response(
                503, "Overloaded", f"{self._limit} requests are running: try again in a second"
            )
            await response(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


def _refused(status: int, kind: str, message: str) -> Response:
    """Refuse a body that was not read to its end, so the connection cannot be used again."""
    return error_response(status, kind, message, {"Connection": "close"})
