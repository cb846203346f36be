"""``ragbastion scan PATH…``: every document of files and folders, with its hidden text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .baseline import Baseline, baseline_text, read_baseline
from .command import ExitCode, complain
from .output import json_text, write_json, write_line
from .scan_options import FailOn, ReportFormat
from .scan_report import (
    check_destination,
    destination,
    document_fields,
    summary,
    write_findings,
)
from .scanned import Failure, FileScan, ScanRun
from .selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What is asked of a scan of files, beyond the scanner's settings."""

    selection: Selection
    format: ReportFormat = ReportFormat.TABLE
    output: Path | None = None
    fail_on: FailOn = FailOn.FLAG
    baseline: Path | None = None
    write_baseline: Path | None = None
    rule_packs: Sequence[Path] = ()


def scan_files(files: FileScan, request: ScanRequest) -> ExitCode:
    """Scan and report; a file that cannot be read is reported and the rest go on."""
    check_destination(request.output)
    check_destination(request.write_baseline)
    baseline = read_baseline(request.baseline)
    run = ScanRun()
    with destination(request.output):
        _collect(files, request, baseline, run)
        code = _exit_code(run, request)
        _report(run, request, baseline, code)
    if request.write_baseline is not None:
        with destination(request.write_baseline):
            write_line(baseline_text(run, baseline))
    _complain(run, request, baseline)
    return code


def _collect(files: FileScan, request: ScanRequest, baseline: Baseline, run: ScanRun) -> None:
    started = time.perf_counter()
    judged = request.baseline is not None
    for item in files.scan(request.selection, run):
        if isinstance(item, Failure):
            run.failures.append(item)
            fields: object = item.as_dict()
        else:
            document = baseline.judge(item)
            run.documents.append(document)
            fields = document_fields(document, judged=judged)
        if request.format is ReportFormat.JSONL:
            write_line(json_text(fields))
    run.seconds = time.perf_counter() - started


def _exit_code(run: ScanRun, request: ScanRequest) -> ExitCode:
    if run.failures:
        return ExitCode.FAILURE
    # What has just been written to a baseline is accepted.
    if request.write_baseline is not None:
        return ExitCode.CLEAN
    found = any(request.fail_on.met_by(document.open_decision) for document in run.documents)
    return ExitCode.FINDINGS if found else ExitCode.CLEAN


def _report(
    run: ScanRun,
    request: ScanRequest,
    baseline: Baseline,
    code: ExitCode,
) -> None:
    if request.format is ReportFormat.TABLE:
        write_findings(run)
    elif request.format is ReportFormat.JSON:
        judged = request.baseline is not None
        documents = [document_fields(document, judged=judged) for document in run.documents]
        failures = [failure.as_dict() for failure in run.failures]
        fields: dict[str, object] = {"documents": documents, "failures": failures}
        if judged:
            stale = baseline.stale(run, request.selection.root)
            fields["stale"] = [entry.model_dump() for entry in stale]
        write_json(fields)
    elif request.format is ReportFormat.SARIF:
        write_json(_sarif(run, request, baseline, code))


def _sarif(
    run: ScanRun,
    request: ScanRequest,
    baseline: Baseline,
    code: ExitCode,
) -> object:
    from ..ingest.scanner.rules import load_packs
    from .sarif import SarifRun, sarif

    packs = load_packs(request.rule_packs)
    facts = SarifRun(
        rules={rule.id: rule for pack in packs for rule in pack.rules},
        stale=baseline.stale(run, request.selection.root),
        code=code,
    )
    return sarif(run, facts)


def _complain(run: ScanRun, request: ScanRequest, baseline: Baseline) -> None:
    """Tell what failed, what is stale and, unless the caller is a program, what was done."""
    from .sarif import stale_line

    for note in run.notes:
        complain(note.text)
    for failure in run.failures:
        complain(str(failure))
    for entry in baseline.stale(run, request.selection.root):
        complain(stale_line(entry))
    if request.format is ReportFormat.TABLE or request.output is not None:
        complain(summary(run))
