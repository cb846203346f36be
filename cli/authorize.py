"""``ragbastion authorize``: proposed actions, decided by policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ..gateway.contract import Fields, authorization_fields
from ..gateway.strict_json import checked_id
from .command import ExitCode, command
from .decision import Decider
from .jsonl import LineJob, run_lines
from .options import Config, Json
from .state import load


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "authorize")(authorize)


def authorize(
    jsonl: Annotated[
        str,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help="Read JSON Lines from FILE, or '-' for stdin; stdin if left out.",
        ),
    ] = "-",
    json_output: Json = False,  # noqa: ARG001 - the answers are JSON in any case
    config: Config = None,
) -> ExitCode:
    """Decide proposed actions by policy and session, and record each decision in the audit log.

    Reads {"id","tenant","principal","roles","action","resource","args","session"} lines. What is
    unknown or missing denies. Exit code: 0 all allowed, 1 one denied or in need of approval, 3 a
    line failed.
    """
    settings = load(config)
    with Decider(settings) as decider:
        job = authorize_job(decider)
        return run_lines(job, jsonl, settings.load.max_line_bytes)


def authorize_job(decider: Decider) -> LineJob[Fields]:
    """Return the job of ``authorize --jsonl``."""

    def answer(items: Sequence[Fields]) -> list[Fields]:
        decided = decider.decide(items)
        return [
            authorization_fields(checked_id(item), authorization)
            for item, authorization in zip(items, decided, strict=True)
        ]

    return LineJob(parse=_parse, answer=answer, found=lambda a: a["decision"] != "allow")


def _parse(fields: Fields) -> Fields:
    """Check the id, so that an answer can carry it; the rest is the policy engine's to judge."""
    checked_id(fields)
    return fields
