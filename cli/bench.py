"""``ragbastion bench``: hands over to a benchmark, which loads only when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .command import ExitCode, command, complain
from .options import Config
from .state import load


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Measure the guard on labelled documents.", no_args_is_help=True)

    @group.callback()
    def _group() -> None:
        # One command alone would take the group's place.
        pass

    command(group, "injection")(injection)
    app.add_typer(group, name="bench")


def injection(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder with injection/*.jsonl, or with *.jsonl: text, label, and where known "
            "kind, source, span.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            file_okay=False,
            writable=True,
            help="Folder for injection.json and plots.",
        ),
    ],
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Documents of each source and label."),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Run the installed peers as well.")
    ] = True,
    config: Config = None,
) -> ExitCode:
    """Measure the injection scanner: recall, false alarms, spans, time; floors and peers beside it.

    Prints tables, writes injection.json and three plots. Needs pip install 'ragbastion[bench]'.
    """
    from ..benchmarks.injection.run import Request, run

    settings = load(config).scan
    request = Request(data=data, out=out, limit=limit, peers=peers, settings=settings)
    run(request, complain)
    return ExitCode.CLEAN
