"""``ragbastion ingest``: documents in, through every check, with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .access_options import (
    Classification,
    Clearance,
    LabelDepartment,
    LabelGroups,
    LabelUsers,
    Owner,
    Principal,
    Roles,
    label_of,
)
from .command import ExitCode, command, complain
from .options import Collection, Config, Json, Store, Tenant
from .output import console, write_json, write_line, write_table
from .state import load, open_guard, user_name

if TYPE_CHECKING:
    from ..ingest.report import IngestReport
    from ..ingest.request import Progress


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "ingest")(ingest)


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", exists=True, help="Files and folders to ingest."),
    ],
    tenant: Tenant,
    source: Annotated[str, typer.Option("--source", help="Where the documents come from.")],
    collection: Collection = None,
    store: Store = None,
    principal: Principal = None,
    role: Roles = None,
    clearance: Clearance = 0,
    owner: Owner = "",
    user: LabelUsers = None,
    group: LabelGroups = None,
    department: LabelDepartment = "",
    classification: Classification = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Scan, chunk, embed, sign and store documents; what looks like an attack is quarantined.

    Running it again is safe: what is stored already is left alone, and a killed run goes on where
    it stopped. --owner, --user, --group, --department and --classification label the documents:
    who of the tenant may read them. Exit code: 0 all ingested, 1 something quarantined, 3 a
    document failed.
    """
    from ..ingest import Writer
    from ..tenancy import operator_context

    context = operator_context(
        tenant=tenant,
        principal=principal or user_name(),
        roles=role or (),
        clearance=clearance,
    )
    label = label_of(owner, user, group, department, classification)
    settings = load(config, store=store, collection=collection)
    with open_guard(settings) as guard, _progress() as progress:
        report = guard.ingest(
            paths,
            tenant=tenant,
            source=source,
            collection=settings.collection,
            writer=Writer(context=context, label=label),
            progress=progress,
        )
    write_report(report, as_json=json_output)
    return report_code(report)


def write_report(report: IngestReport, *, as_json: bool) -> None:
    """Write the summary, what was quarantined, and on stderr what failed."""
    fields = report.as_dict()
    if as_json:
        write_json(fields)
    else:
        counts = ("ingested", "unchanged", "replaced", "quarantined", "failed")
        told = ", ".join(f"{fields[name]} {name}" for name in counts)
        if fields["taken_back"]:
            told += f", {fields['taken_back']} taken back"
        size = f"{fields['chunks']} chunks in {fields['seconds']:.1f} s"
        write_line(f"{fields['documents']} documents: {told}; {size}")
        _write_quarantined(fields["quarantined_items"])
    for failure in fields["failures"]:
        complain(_failure(failure))


def report_code(report: IngestReport) -> ExitCode:
    """Return what the counts of a report mean for the exit code."""
    if report.failed:
        return ExitCode.FAILURE
    return ExitCode.FINDINGS if report.quarantined_items else ExitCode.CLEAN


def _write_quarantined(items: list[dict[str, Any]]) -> None:
    if not items:
        return
    rows = [[item["id"], item["document"], _why(item)] for item in items]
    write_table("quarantined: see 'ragbastion quarantine show ID'", ("id", "document", "why"), rows)


def _why(item: dict[str, Any]) -> str:
    why = "".join(item["reasons"][:1])
    return f"taken back: {why}" if item["taken_back"] else why


def _failure(failure: dict[str, Any]) -> str:
    where = f" ({failure['where']})" if failure["where"] else ""
    return f"{failure['path']}{where}: {failure['message']}"


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar on stderr while documents go in; nothing if stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from .progress import progress_bar

    with progress_bar(console(stderr=True)) as update:
        yield update
