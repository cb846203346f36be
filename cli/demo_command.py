"""``ragbastion demo``: hands over to the demo, which loads only when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .command import ExitCode, command
from .options import Json
from .output import console


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "demo")(demo)


def demo(
    work_dir: Annotated[
        Path | None,
        typer.Option("--work-dir", help="Keep stores and state here; else they are removed."),
    ] = None,
    json_output: Json = False,
) -> ExitCode:
    """Ingest the sample corpus, attack it, and show what an agent would get and do.

    Exit code: 0 every outcome is as expected, 1 one is not.
    """
    from .demo import run_demo

    return ExitCode(run_demo(work_dir=work_dir, json_output=json_output, console=console()))
