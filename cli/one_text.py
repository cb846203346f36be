"""The commands that change texts take JSON Lines, or one file of any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..core.errors import UsageError
from .command import ExitCode
from .jsonl import LineJob, TextLine, run_lines
from .output import write_json, write_text

if TYPE_CHECKING:
    from ..core.settings import LoadSettings


def run_texts(
    job: LineJob[TextLine],
    path: Path | None,
    jsonl: str | None,
    settings: LoadSettings,
    *,
    as_json: bool,
) -> ExitCode:
    """Answer lines with ``--jsonl``; else write the new text of the file, or its JSON form."""
    if (path is None) == (jsonl is None):
        raise typer.BadParameter("give one file, or --jsonl FILE, one of the two")
    if path is None or jsonl is not None:
        return run_lines(job, jsonl or "-", settings.max_line_bytes)
    answer = job.answer([TextLine(id=path.name, text=visible_text(path, settings))])[0]
    if as_json:
        write_json(answer)
    else:
        write_text(answer["text"])
    return ExitCode.FINDINGS if job.found(answer) else ExitCode.CLEAN


def visible_text(path: Path, settings: LoadSettings) -> str:
    """Load a file and return its visible text (untrusted).

    Raises `UsageError` if the file holds several documents.
    """
    from ..ingest.loaders import LoadFailure, load_paths

    loaded = list(load_paths([path], settings))
    if len(loaded) != 1:
        raise UsageError(f"'{path}' holds {len(loaded)} documents, not one: use --jsonl")
    if isinstance(loaded[0], LoadFailure):
        raise loaded[0].error
    return loaded[0].text
