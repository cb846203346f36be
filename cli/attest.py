"""``ragbastion attest``: signed statements out of a state folder and into another, as DSSE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import ExitCode, command
from .options import AnyTenant, Config, Json
from .output import write_json, write_line, write_table
from .refusals import audited
from .source_revocation import REFUSED
from .state import load, user_name
from .tenant_state import opened_log

if TYPE_CHECKING:
    from ..core.events import EventSink


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Move evidence as standard DSSE files.", no_args_is_help=True)
    command(group, "export")(export)
    command(group, "import")(audited(REFUSED, "attest import")(import_))
    app.add_typer(group, name="attest")


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it does not exist.")],
    tenant: AnyTenant = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only this source; all sources if left out.")
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Write signed statements and their public keys to a folder.

    The statements are in-toto attestations, a DSSE envelope a line, in attestations.intoto.jsonl.
    """
    from ..ingest.provenance import export_evidence

    count = export_evidence(load(config).state_dir, folder, tenant=tenant, source=source)
    if json_output:
        write_json({"envelopes": count, "folder": str(folder)})
    else:
        write_line(f"{count} envelopes written to {folder}")
    return ExitCode.CLEAN


def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What an export wrote.")],
    trust_key: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-key",
            metavar="ID",
            help="Register this key of the folder; ask its owner for the id, not the folder.",
        ),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Take in exported statements whose keys are registered here, or named by --trust-key.

    A source that is new here is not trusted by this. Exit code: 0 all came in, 1 some were
    refused, 2 wrong usage, 3 failure.
    """
    from ..ingest.provenance import import_evidence

    settings = load(config)
    keys = trust_key or ()
    with opened_log(settings) as log:
        # Told of before it is done, as all that gives trust is.
        _tell(log, folder, "evidence.import", "started", {"trusted_keys": list(keys)})
        report = import_evidence(settings.state_dir, folder, keys, settings.provenance.log)
        counts = {"added": report.added, "known": report.known, "refused": len(report.refused)}
        _tell(log, folder, "evidence.imported", "done", counts)
    if json_output:
        write_json(report.as_dict())
    else:
        counts = {"added": report.added, "known": report.known, "keys": report.keys}
        write_table(str(folder), list(counts), [list(counts.values())])
        if report.refused:
            write_table("refused", ("line", "reason"), report.refused)
    return ExitCode.FINDINGS if report.refused else ExitCode.CLEAN


def _tell(log: EventSink, folder: Path, kind: str, outcome: str, detail: dict[str, Any]) -> None:
    from ..core.events import Event

    log.emit(
        Event(
            kind=kind,
            tenant="",
            subject=str(folder),
            outcome=outcome,
            principal=user_name(),
            detail=detail,
        )
    )
