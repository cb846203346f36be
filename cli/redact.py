"""``ragbastion redact``: personal data in texts, masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..gateway.contract import Fields, redacted_fields
from .command import ExitCode, command
from .jsonl import LineJob, TextLine
from .one_text import run_texts
from .options import Config, Json, Lines, OneFile
from .state import load

if TYPE_CHECKING:
    from ..pii import Redactor


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "redact")(redact)


def redact(
    path: OneFile = None,
    jsonl: Lines = None,
    entity: Annotated[
        list[str] | None,
        typer.Option("--entity", help="Mask only this type; repeat it. All types if left out."),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Mask personal data in texts.

    Exit code: 0 nothing masked, 1 something masked, 3 a line failed.
    """
    from ..pii import Redactor

    settings = load(config)
    job = redact_job(Redactor(settings.pii), entity or None)
    return run_texts(job, path, jsonl, settings.load, as_json=json_output)


def redact_job(redactor: Redactor, entities: Sequence[str] | None) -> LineJob[TextLine]:
    """Return the job of ``redact --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        redacted = redactor.redact_batch([item.text for item in items], entities)
        return [redacted_fields(item.id, one) for item, one in zip(items, redacted, strict=True)]

    return LineJob(parse=TextLine.parse, answer=answer, found=lambda a: bool(a["entities"]))
