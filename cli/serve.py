"""``ragbastion serve``: the guard over HTTP."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import MissingExtraError
from .command import ExitCode, command, complain
from .options import Config, Json, Store
from .output import json_text, write_line
from .state import load

if TYPE_CHECKING:
    from ..core.settings import Settings

_SHORT_KEY_CHARS = 24


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "serve")(serve)


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="The port; 0 for a free one.")
    ] = 8000,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Serve scan, strip, ingest, retrieve, redact and authorize over HTTP until interrupted.

    Every route but /healthz asks for a bearer key. RAGBASTION_API_KEY sets the bootstrap admin
    key; without it one is generated for this run and printed once.
    """
    settings = load(config, store=store)
    key = _bootstrap_key(settings, as_json=json_output)
    try:
        from ..gateway.server import run
    except ImportError as error:
        raise MissingExtraError(
            "serving needs FastAPI and uvicorn: pip install 'ragbastion[serve]'"
        ) from error
    run(settings, bootstrap_key=key, host=host, port=port)
    return ExitCode.CLEAN


def _bootstrap_key(settings: Settings, *, as_json: bool) -> str:
    """Return the admin key of the settings, or a new one that is printed here and nowhere else."""
    if settings.api_key is not None:
        key = settings.api_key.get_secret_value()
        if 0 < len(key) < _SHORT_KEY_CHARS:
            complain(f"warning: the admin key has fewer than {_SHORT_KEY_CHARS} characters")
        return key
    key = f"rb_{secrets.token_urlsafe(32)}"
    write_line(json_text({"api_key": key}) if as_json else f"admin key, shown once: {key}")
    return key
