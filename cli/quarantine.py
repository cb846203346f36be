"""``ragbastion quarantine``: what was held back, and a person's decision about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import ExitCode, command
from .ingest import report_code, write_report
from .options import AnyTenant, Config, Json, Store
from .output import utc_time, write_json, write_table
from .state import load, open_guard, user_name

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..ingest import Quarantine

Id = Annotated[str, typer.Argument(metavar="ID", help="The id that 'quarantine list' shows.")]
Reviewer = Annotated[
    str | None, typer.Option("--reviewer", help="Who decides; your user name if left out.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Review what was held back.", no_args_is_help=True)
    command(group, "list")(list_held)
    command(group, "show")(show)
    command(group, "release")(release)
    command(group, "reject")(reject)
    app.add_typer(group, name="quarantine")


def list_held(
    tenant: AnyTenant = None,
    state: Annotated[
        str, typer.Option("--state", help="held, released, rejected or all.")
    ] = "held",
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """List quarantined documents. Exit code: 0 none held, 1 some wait for a decision."""
    with _opened(load(config)) as quarantine:
        records = quarantine.list(tenant, None if state == "all" else state)
    if json_output:
        write_json([record.as_dict() for record in records])
    else:
        rows = [
            (record.id, record.state, record.key.tenant, record.key.source, record.key.document)
            for record in records
        ]
        columns = ("id", "state", "tenant", "source", "document")
        write_table(f"{len(rows)} quarantined documents", columns, rows)
    held = any(record.state == "held" for record in records)
    return ExitCode.FINDINGS if held else ExitCode.CLEAN


def show(
    identifier: Id,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original bytes (untrusted) to stdout.")
    ] = False,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Show why a document was held, and what was decided about it."""
    with _opened(load(config)) as quarantine:
        if raw:
            sys.stdout.buffer.write(quarantine.original(identifier))
            return ExitCode.CLEAN
        fields = quarantine.get(identifier).as_dict()
        fields["decisions"] = quarantine.history(identifier)
    if json_output:
        write_json(fields)
        return ExitCode.CLEAN
    verdict = fields["verdict"]
    write_table(identifier, ("field", "value"), _rows(fields))
    columns = ("kind", "detector", "score", "severity", "span", "evidence")
    rows = [[finding[column] for column in columns] for finding in verdict["findings"]]
    write_table(f"{verdict['decision']}, score {verdict['score']}", columns, rows)
    return ExitCode.CLEAN


def _rows(fields: Mapping[str, Any]) -> list[list[object]]:
    times = {name: utc_time(fields[name]) for name in ("created_at", "decided_at")}
    shown = {**fields, **times}
    return [[name, shown[name]] for name in shown if name not in {"verdict", "decisions"}]


def release(
    identifier: Id,
    reviewer: Reviewer = None,
    reason: Reason = "",
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Release a document: it is ingested as it was, signed in the name of the reviewer."""
    settings = load(config, store=store)
    with open_guard(settings) as guard:
        report = guard.release(identifier, reviewer=reviewer or user_name(), reason=reason)
    write_report(report, as_json=json_output)
    return report_code(report)


def reject(
    identifier: Id,
    reviewer: Reviewer = None,
    reason: Reason = "",
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Reject a document for good; the same bytes are refused when they come again."""
    settings = load(config)
    who = reviewer or user_name()
    with open_guard(settings) as guard:
        guard.reject(identifier, reviewer=who, reason=reason)
    fields = {"id": identifier, "state": "rejected", "decided_by": who, "reason": reason}
    if json_output:
        write_json(fields)
    else:
        write_table("rejected", list(fields), [list(fields.values())])
    return ExitCode.CLEAN


@contextmanager
def _opened(settings: Settings) -> Iterator[Quarantine]:
    """Open only the quarantine: to look at it, no model and no store is needed."""
    from ..ingest.quarantine import Quarantine

    quarantine = Quarantine(settings.state_dir / "quarantine.db")
    try:
        yield quarantine
    finally:
        quarantine.close()
