"""``ragbastion scan`` and ``ragbastion strip``: instructions in text, found and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..gateway.contract import Fields, stripped_fields, verdict_fields
from .command import ExitCode, command
from .jsonl import LineJob, TextLine, run_lines
from .one_text import run_texts
from .options import Config, Json, Lines, OneFile, Threshold
from .state import load

if TYPE_CHECKING:
    from ..core.settings import ScanSettings
    from ..ingest.scanner import Scanner


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "scan")(scan)
    command(app, "strip")(strip)


def scan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", exists=True, help="Files and folders to scan."),
    ] = None,
    jsonl: Lines = None,
    threshold: Threshold = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Look for instructions aimed at the model, in files (hidden text too) or in JSON Lines.

    Exit code: 0 nothing found, 1 something flagged or worse, 3 a file or line failed.
    """
    settings = load(config)
    if bool(paths) == bool(jsonl):
        raise typer.BadParameter("give files or folders, or --jsonl FILE, one of the two")
    scanner = open_scanner(settings.scan, threshold)
    if jsonl:
        return run_lines(scan_job(scanner), jsonl, settings.load.max_line_bytes)
    from .scan_files import scan_files

    return scan_files(scanner, paths or [], settings.load, as_json=json_output)


def strip(
    path: OneFile = None,
    jsonl: Lines = None,
    threshold: Threshold = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Take instructions aimed at the model out of texts, and keep the rest of them.

    Exit code: 0 nothing removed, 1 something removed, 3 a line failed.
    """
    settings = load(config)
    if threshold is None:
        threshold = settings.retrieval.strip_threshold
    job = strip_job(open_scanner(settings.scan), threshold)
    return run_texts(job, path, jsonl, settings.load, as_json=json_output)


def open_scanner(settings: ScanSettings, threshold: float | None = None) -> Scanner:
    """Build the scanner; a threshold below the flag threshold lowers that as well."""
    from ..ingest.scanner import Scanner

    if threshold is None:
        return Scanner(settings)
    flag = min(settings.flag_threshold, threshold)
    return Scanner(settings.model_copy(update={"threshold": threshold, "flag_threshold": flag}))


def scan_job(scanner: Scanner) -> LineJob[TextLine]:
    """Return the job of ``scan --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        verdicts = scanner.scan_batch([item.text for item in items])
        return [
            verdict_fields(item.id, verdict) for item, verdict in zip(items, verdicts, strict=True)
        ]

    return LineJob(parse=TextLine.parse, answer=answer, found=lambda a: a["decision"] != "allow")


def strip_job(scanner: Scanner, threshold: float) -> LineJob[TextLine]:
    """Return the job of ``strip --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        return [stripped_fields(item.id, scanner.strip(item.text, threshold)) for item in items]

    return LineJob(parse=TextLine.parse, answer=answer, found=lambda a: bool(a["removed"]))
