"""The process that serves the app: uvicorn, with its limits and its clean end."""

from __future__ import annotations

import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import uvicorn

from ..core.errors import StoreError
from ..tenancy import ApiKeys
from .app import create_app
from .authentication import Authenticator, token_verifiers

if TYPE_CHECKING:
    from ..core.events import Event
    from ..core.settings import Settings
    from ..retrieval_guard import Guard

_SHUTDOWN_S = 30
_SPARE_CONNECTIONS = 64


def run(settings: Settings, *, bootstrap_key: str, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; running requests end first, then the store is closed.

    Raises `StoreError` if the address cannot be bound.
    """
    from ..retrieval_guard import Guard

    keys = ApiKeys(settings.state_dir / "api_keys.db")
    try:
        tokens = token_verifiers(settings.identity)
        with closing(bound_socket(host, port)) as listening:
            guard = Guard.from_settings(settings)
            authenticator = Authenticator(keys, bootstrap_key, tokens, _Audit(guard))
            app = create_app(guard, authenticator, settings)
            _serve(uvicorn.Server(configuration(app, settings)), listening)
    finally:
        keys.close()


class _Audit:
    """The guard's audit log, opened by the first event."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def emit(self, event: Event) -> None:
        """Append the event."""
        self._guard.audit.emit(event)


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    """Run the server; a signal that ended it cleanly ends nothing else.

    uvicorn handles the signals itself and raises them again at its end, for the handlers that were
    there before: these.
    """

    def end(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not server.started:
        raise StoreError("the service did not start: see the log above")


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind before anything is loaded, so that a taken port is told at once; port 0 takes any.

    Raises `StoreError` if the address cannot be bound.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # asyncio sets TCP_NODELAY only on a socket that names its protocol; without it each
        # answer waits 40 ms for a delayed ACK (benchmarks/gateway.py).
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise StoreError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose a free port and an address "
            "of this machine"
        ) from error
    return listening


def configuration(app: object, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn runs the app.

    Access lines are off: a proxy writes them, and paths may name tenants. Connections are bounded,
    since each may hold one body in memory.
    """
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_S,
        limit_concurrency=settings.gateway.max_concurrent_requests * 4 + _SPARE_CONNECTIONS,
    )
