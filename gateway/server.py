"""The process that serves the app: uvicorn, with its limits and its clean end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from ..core.errors import StoreError
from ..tenancy import ApiKeys
from .app import create_app
from .authentication import Authenticator

if TYPE_CHECKING:
    from ..core.settings import Settings

_SHUTDOWN_S = 30
_SPARE_CONNECTIONS = 64


def run(settings: Settings, *, bootstrap_key: str, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; running requests end first, then the store is closed.

    Raises `StoreError` if the address cannot be bound.
    """
    from ..retrieval_guard import Guard

    keys = ApiKeys(Path(settings.state_dir) / "api_keys.db")
    try:
        authenticator = Authenticator(keys, bootstrap_key)
        app = create_app(Guard.from_settings(settings), authenticator, settings)
        server = uvicorn.Server(configuration(app, settings, host=host, port=port))
        try:
            server.run()
        except SystemExit as error:
            raise StoreError(f"cannot listen on {host}:{port}: see the log above") from error
    finally:
        keys.close()


def configuration(app: object, settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """Return how uvicorn runs the app.

    Access lines are off: a proxy writes them, and paths may name tenants. Connections are bounded,
    since each may hold one body in memory.
    """
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_S,
        limit_concurrency=settings.gateway.max_concurrent_requests * 4 + _SPARE_CONNECTIONS,
    )
