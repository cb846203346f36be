"""``ragbastion bench``: hands over to a benchmark, which loads only when it is asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .command import ExitCode, command, complain
from .options import Config
from .state import load


class Clients(StrEnum):
    """Which guarded clients ``bench tenancy`` attacks."""

    SYNC = "sync"
    ASYNC = "async"
    BOTH = "both"


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Measure the guard, and attack it.", no_args_is_help=True)
    command(group, "injection")(injection)
    command(group, "tenancy")(tenancy)
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


def tenancy(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            file_okay=False,
            writable=True,
            help="Folder for tenancy.json, tenancy.png, and tenancy.jsonl, which lets a run that "
            "was cut short go on.",
        ),
    ],
    calls: Annotated[
        int, typer.Option("--calls", metavar="N", min=1, help="Generated calls, about, in all.")
    ] = 20_000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed, the same calls.")
    ] = 7,
    clients: Annotated[
        Clients, typer.Option("--clients", help="Which guarded clients are attacked.")
    ] = Clients.BOTH,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="QDRANT_URL",
            help="A Qdrant server to attack on, in collections made for it; else local mode.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Processes.")] = 1,
) -> ExitCode:
    """Attack the guarded clients through every method, beside a wrapper that is known to leak.

    Plants canaries of several tenants and prints method by attack. Exit code 1: a guarded client
    leaks; 3: a leak of the naive wrapper was missed. Needs pip install 'ragbastion[bench]'.
    """
    from ..benchmarks.tenancy.run import Request, run

    request = Request(
        out=out, calls=calls, seed=seed, clients=clients.value, url=url or None, jobs=jobs
    )
    return ExitCode.FINDINGS if run(request, complain) else ExitCode.CLEAN
