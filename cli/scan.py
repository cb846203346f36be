"""``ragbastion scan`` and ``ragbastion strip``: instructions in text, found and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.verdict import Decision
from ..gateway.contract import Fields, neutralised_fields, stripped_fields, verdict_fields
from .command import ExitCode, command
from .jsonl import LineJob, TextLine, run_lines
from .one_text import run_texts
from .options import Config, Json, Lines, OneFile, Threshold
from .scan_options import (
    Accept,
    Accepted,
    Budget,
    BudgetName,
    Exclude,
    ExcludeFrom,
    Fail,
    FailOn,
    Include,
    Output,
    Report,
    ReportFormat,
    Root,
    ShortJson,
)
from .state import load

if TYPE_CHECKING:
    from ..core.settings import LoadSettings, ScanSettings
    from ..ingest.scanner import Scanner
    from .scanned import FileScan


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
    budget: Budget = None,
    report: Report = None,
    json_output: ShortJson = False,
    output: Output = None,
    fail_on: Fail = FailOn.FLAG,
    baseline: Accepted = None,
    write_baseline: Accept = None,
    include: Include = None,
    exclude: Exclude = None,
    exclude_from: ExcludeFrom = None,
    root: Root = None,
    config: Config = None,
) -> ExitCode:
    """Look for instructions aimed at the model, in files (hidden text too) or in JSON Lines.

    Exit code: 0 nothing found, 1 something flagged or worse (--fail-on), 3 a file or line failed.
    """
    settings = load(config)
    if bool(paths) == bool(jsonl):
        raise typer.BadParameter("give files or folders, or --jsonl FILE, one of the two")
    scan_settings = _decided(settings.scan, threshold, budget)
    if jsonl:
        if report or output or baseline or write_baseline or include or exclude or exclude_from:
            raise typer.BadParameter(
                "with --jsonl, only --threshold, --budget and --fail-on have a meaning"
            )
        job = scan_job(open_scanner(scan_settings), fail_on)
        return run_lines(job, jsonl, settings.load.max_line_bytes)
    if json_output and report not in (None, ReportFormat.JSON):
        raise typer.BadParameter(f"--json and --format {report}: give one of the two")
    from .scan_files import ScanRequest, scan_files
    from .selection import Selection, read_globs

    output = None if output == Path("-") else output
    own = [path for path in (output, baseline, write_baseline) if path is not None]
    request = ScanRequest(
        selection=Selection(
            paths=paths or [],
            root=root or Path(),
            include=include or (),
            exclude=[*read_globs(exclude_from or ()), *(exclude or ())],
            own=own,
        ),
        format=report or (ReportFormat.JSON if json_output else ReportFormat.TABLE),
        output=output,
        fail_on=fail_on,
        baseline=baseline,
        write_baseline=write_baseline,
        rule_packs=scan_settings.rule_packs,
    )
    return scan_files(_file_scan(scan_settings, settings.load), request)


def strip(
    path: OneFile = None,
    jsonl: Lines = None,
    threshold: Threshold = None,
    neutralise: Annotated[
        bool,
        typer.Option(
            "--neutralise", help="Keep what would be removed, marked as quoted data throughout."
        ),
    ] = False,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Take instructions aimed at the model out of texts, and keep the rest of them.

    Exit code: 0 nothing removed, 1 something removed, 3 a line failed.
    """
    settings = load(config)
    if threshold is None:
        threshold = settings.retrieval.strip_threshold
    scanner = open_scanner(settings.scan)
    job = (neutralise_job if neutralise else strip_job)(scanner, threshold)
    return run_texts(job, path, jsonl, settings.load, as_json=json_output)


def _decided(
    settings: ScanSettings, threshold: float | None, budget: BudgetName | None
) -> ScanSettings:
    """Return the settings at what the command line decides by."""
    if budget is None:
        return with_threshold(settings, threshold)
    if threshold is not None:
        raise typer.BadParameter("--threshold and --budget: give one of the two")
    return settings.model_copy(update={"budget": budget.value})


def with_threshold(settings: ScanSettings, threshold: float | None) -> ScanSettings:
    """Return the settings at a threshold; one below the flag threshold lowers that as well."""
    if threshold is None:
        return settings
    flag = min(settings.flag_threshold, threshold)
    # A budget names a threshold too; what is asked for on the command line is stronger.
    changes = {"threshold": threshold, "flag_threshold": flag, "budget": None}
    return settings.model_copy(update=changes)


def _file_scan(settings: ScanSettings, load_settings: LoadSettings) -> FileScan:
    from .issues import Limits
    from .scanned import FileScan

    scanner = open_scanner(settings)
    threshold = scanner.threshold
    hidden = min(settings.hidden_threshold, threshold)
    return FileScan(
        scanner=scanner,
        limits=Limits(quarantine=threshold, flag=min(settings.flag_threshold, threshold)),
        hidden_limits=Limits(quarantine=hidden, flag=hidden),
        load=load_settings,
    )


def open_scanner(settings: ScanSettings) -> Scanner:
    """Build the scanner."""
    from ..ingest.scanner import Scanner

    return Scanner(settings)


def scan_job(scanner: Scanner, fail_on: FailOn) -> LineJob[TextLine]:
    """Return the job of ``scan --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        verdicts = scanner.scan_batch([item.text for item in items])
        return [
            verdict_fields(item.id, verdict) for item, verdict in zip(items, verdicts, strict=True)
        ]

    def found(fields: Fields) -> bool:
        return fail_on.met_by(Decision(fields["decision"]))

    return LineJob(parse=TextLine.parse, answer=answer, found=found)


def strip_job(scanner: Scanner, threshold: float) -> LineJob[TextLine]:
    """Return the job of ``strip --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        return [stripped_fields(item.id, scanner.strip(item.text, threshold)) for item in items]

    return LineJob(parse=TextLine.parse, answer=answer, found=lambda a: bool(a["removed"]))


def neutralise_job(scanner: Scanner, threshold: float) -> LineJob[TextLine]:
    """Return the job of ``strip --neutralise --jsonl``."""

    def answer(items: Sequence[TextLine]) -> list[Fields]:
        marked = (scanner.neutralise(item.text, threshold) for item in items)
        return [neutralised_fields(item.id, each) for item, each in zip(items, marked, strict=True)]

    return LineJob(parse=TextLine.parse, answer=answer, found=lambda a: bool(a["neutralised"]))
