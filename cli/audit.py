"""``ragbastion audit``: the record of decisions, read and verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import AuditError, UsageError
from .command import ExitCode, command, complain
from .options import AnyTenant, Config, Json
from .output import json_text, utc_time, write_json, write_line, write_table
from .state import load

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..policies import AuditEntry, AuditLog, AuditReport


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Read and verify the audit log.", no_args_is_help=True)
    command(group, "tail")(tail)
    command(group, "verify")(verify)
    app.add_typer(group, name="audit")


def tail(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=100_000, help="How many entries.")
    ] = 20,
    tenant: AnyTenant = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Show the last entries, oldest first; with --json as JSON Lines."""
    with _opened(load(config)) as log:
        entries = log.tail(count, tenant)
    if json_output:
        for entry in entries:
            write_line(json_text(entry.as_dict()))
        return ExitCode.CLEAN
    columns = ("seq", "time", "kind", "tenant", "principal", "subject", "outcome")
    write_table(f"last {len(entries)} entries", columns, [_row(entry) for entry in entries])
    return ExitCode.CLEAN


def verify(
    anchor: Annotated[
        str | None,
        typer.Option(
            "--anchor",
            metavar="ENTRIES:HEAD",
            help="What an earlier 'audit verify' printed; the log must still contain it.",
        ),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Check the chain of the audit log. Exit code: 0 it holds, 1 it was altered or cut."""
    earlier = _anchor(anchor) if anchor else None
    with _opened(load(config)) as log:
        try:
            report = log.verify(earlier)
        except AuditError as error:
            if json_output:
                write_json({"ok": False, "error": str(error)})
            complain(str(error))
            return ExitCode.FINDINGS
    if json_output:
        write_json({"ok": True, **report.as_dict()})
    else:
        title = f"the chain holds; keep this anchor elsewhere: {report.entries}:{report.head}"
        write_table(title, ("entries", "head"), [[report.entries, report.head]])
    return ExitCode.CLEAN


def _anchor(text: str) -> AuditReport:
    from ..policies import AuditReport

    entries, _, head = text.partition(":")
    if not entries.isdigit() or len(head) != 64:
        raise UsageError("anchor refused: give ENTRIES:HEAD as 'audit verify' printed it")
    return AuditReport(entries=int(entries), head=head)


def _row(entry: AuditEntry) -> list[object]:
    record = entry.record
    names = ("kind", "tenant", "principal", "subject", "outcome")
    return [entry.seq, utc_time(record["time_ms"] / 1000), *(record[name] for name in names)]


@contextmanager
def _opened(settings: Settings) -> Iterator[AuditLog]:
    from ..policies import AuditLog

    log = AuditLog(settings.state_dir / "audit.db")
    try:
        yield log
    finally:
        log.close()
