"""``ragbastion policy``: policies checked, and a decision explained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..gateway.strict_json import parse_object
from .command import ExitCode, command, complain
from .options import Config, Json
from .output import write_json, write_table
from .state import load


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Check policies and explain decisions.", no_args_is_help=True)
    command(group, "check")(check)
    command(group, "explain")(explain)
    app.add_typer(group, name="policy")


def check(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            exists=True,
            file_okay=False,
            help="The folder of policies; the setting 'policy.directory' if left out.",
        ),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Check a folder of policies against its schema. Exit code: 0 valid, 1 problems found."""
    from ..policies import PolicyEngine

    report = PolicyEngine.check(directory or load(config).policy.directory)
    if json_output:
        write_json(report.as_dict())
    else:
        title = f"{len(report.policies)} policies in {len(report.files)} files"
        write_table(title, ("policy",), [[name] for name in report.policies])
        for problem in report.problems:
            complain(str(problem))
    return ExitCode.CLEAN if report.ok else ExitCode.FINDINGS


def explain(
    request: Annotated[
        str,
        typer.Argument(
            metavar="REQUEST", help="An action as JSON (a line of 'authorize'), or - for stdin."
        ),
    ],
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Say what is decided on an action and which policies decide it; nothing is recorded.

    Exit code: 0 allowed, 1 denied or in need of approval.
    """
    from ..policies import PolicyEngine

    text = sys.stdin.buffer.read() if request == "-" else request.encode("utf-8", "surrogatepass")
    engine = PolicyEngine.from_directory(load(config).policy.directory)
    explanation = engine.explain(parse_object(text))
    if json_output:
        write_json(explanation.as_dict())
    else:
        _write(explanation.as_dict())
    return ExitCode.CLEAN if explanation.authorization.allowed else ExitCode.FINDINGS


def _write(fields: dict[str, Any]) -> None:
    decision = [[reason] for reason in fields["reasons"]]
    write_table(fields["decision"], ("reason",), decision)
    if fields["obligations"]:
        write_table("obligations", ("obligation",), [[item] for item in fields["obligations"]])
    rows = [
        [note["id"], note["effect"], _yes(note["applies"]), _yes(note["determining"]), note["file"]]
        for note in fields["policies"]
    ]
    write_table("policies", ("policy", "effect", "applies", "decides", "file"), rows)


def _yes(value: bool) -> str:
    return "yes" if value else ""
