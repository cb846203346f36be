"""``ragbastion bench``: hands over to a benchmark, which loads only when it is asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .command import ExitCode, command, complain
from .many_values import many_values
from .options import Config
from .output import write_json
from .state import load


class BudgetChoice(StrEnum):
    """What an attacker of ``bench poisoning`` may spend."""

    ONE_DOC = "one-doc"
    ONE_SOURCE = "one-source"
    SYBIL = "sybil"
    DRIP = "drip"
    SYBIL_AGED = "sybil-aged"
    ALL = "all"


class Clients(StrEnum):
    """Which guarded clients ``bench tenancy`` attacks."""

    SYNC = "sync"
    ASYNC = "async"
    BOTH = "both"


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Measure the guard, and attack it.", no_args_is_help=True)
    command(group, "injection")(injection)
    command(group, "poisoning", many_values("--clean", "--attack", "--budget"))(poisoning)
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


def poisoning(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            file_okay=False,
            writable=True,
            help="Folder for poisoning.json, .md and .html, plots, and cache/, which lets a run "
            "that was cut short go on.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder with clean_*.jsonl and poison_*.jsonl, or with poison/ that has them.",
        ),
    ] = None,
    clean: Annotated[
        list[Path] | None,
        typer.Option(
            "--clean",
            metavar="FILE…",
            exists=True,
            dir_okay=False,
            help="Clean passages instead of those of --data: id, source, text, label 0.",
        ),
    ] = None,
    attack: Annotated[
        list[Path] | None,
        typer.Option(
            "--attack",
            metavar="FILE…",
            exists=True,
            dir_okay=False,
            help="Poison instead of that of --data: id, source, text, label 1, attack, question.",
        ),
    ] = None,
    budget: Annotated[
        list[BudgetChoice] | None,
        typer.Option("--budget", help="What the attacker may spend; several can be given."),
    ] = None,
    queries: Annotated[
        str | None,
        typer.Option(
            "--queries",
            metavar="N|FILE",
            help="Questions of each family (default 40), or a file with the honest ones.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed, the same attacks.")
    ] = 7,
    own: Annotated[
        bool, typer.Option("--own/--no-own", help="Run attacks of our own making as well.")
    ] = True,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Run the installed peers as well.")
    ] = True,
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--vectors",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Embeddings of another run (its cache/vectors), read only.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, help="Processes; 1.5 GB of memory each.")
    ] = 2,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON; tables go to stderr.")
    ] = False,
    config: Config = None,
) -> ExitCode:
    """Poison a collection within a budget, and measure what reaches answers and what that costs.

    Runs no guard, published defences, this one and each of its signals side by side. Exit code 1:
    a certificate was wrong. Needs pip install 'ragbastion[bench,embed]'.
    """
    from ..benchmarks.poisoning.asked import queries_of
    from ..benchmarks.poisoning.bench import Request
    from ..benchmarks.poisoning.budgets import Budget
    from ..benchmarks.poisoning.run import run, violations
    from ..benchmarks.poisoning.show import show

    chosen = {each.value for each in budget or [BudgetChoice.ALL]}
    every = BudgetChoice.ALL.value in chosen
    settings = load(config)
    request = Request(
        out=out,
        data=data,
        clean=tuple(clean or ()),
        attack=tuple(attack or ()),
        budgets=tuple(each for each in Budget if every or each.value in chosen),
        queries=queries_of(queries),
        peers=peers,
        made=own,
        vectors=vectors,
        seed=seed,
        jobs=jobs,
        settings=settings.scan,
    )
    results, _ = run(request, complain)
    show(results, stderr=as_json)
    if as_json:
        write_json(results)
    return ExitCode.FINDINGS if violations(results) else ExitCode.CLEAN


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
