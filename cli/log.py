"""``ragbastion log``: the transparency log, audited, shown, proved and cosigned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import log_ledger, log_prove, log_witness
from .command import ExitCode, command, complain
from .options import Config, Json
from .output import utc_time, write_json, write_line, write_table, write_text
from .state import load

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..ingest.provenance.log import LoggedRegistry

Seen = Annotated[
    list[Path] | None,
    typer.Option(
        "--seen",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A checkpoint that was kept elsewhere; the log must still hold it. Repeat it.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(
        help="The transparency log: what was signed, registered and revoked.",
        no_args_is_help=True,
    )
    command(group, "verify")(verify)
    command(group, "show")(show)
    command(group, "checkpoint")(checkpoint)
    command(group, "mend-ledger")(log_ledger.mend_ledger)
    command(group, "prove")(log_prove.prove)
    command(group, "witness")(log_witness.witness)
    app.add_typer(group, name="log")


def verify(seen: Seen = None, json_output: Json = False, config: Config = None) -> ExitCode:
    """Compute the whole log anew: every entry, node and checkpoint, and the registry beside it.

    The ledger is compared as well: 'ledger-behind' names a document of which it has an older
    version than the log, 'ledger-ahead' one of which the log was never told, 'unfinished' one that
    was signed and never entered.

    Exit code: 0 nothing was rewritten, 1 something was, 3 the log cannot be read.
    """
    from ..ingest.provenance.log import verify_log

    settings = load(config)
    notes = [path.read_text(encoding="utf-8", errors="replace") for path in seen or ()]
    report = verify_log(settings.state_dir, settings.provenance.log, notes)
    if json_output:
        write_json(report.as_dict())
    else:
        title = f"log '{report.origin}': {report.size} entries, {report.found} findings"
        rows = [[each.kind.value, each.index, each.reason] for each in report.findings]
        write_table(title, ("kind", "entry", "reason"), rows)
    return ExitCode.CLEAN if report.clean else ExitCode.FINDINGS


def show(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1_000_000, help="How many entries.")
    ] = 20,
    start: Annotated[
        int | None,
        typer.Option("--from", min=0, help="The first; else the last ones."),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Show entries, oldest first."""
    from ..ingest.provenance.log import LogEntry

    with opened(load(config)) as logged:
        storage = logged.log().storage
        size = storage.size()
        first = max(0, size - count) if start is None else start
        found = list(storage.entries(first, first + count))
    entries = [(index, LogEntry.parse_known(data)) for index, _, data in found]
    if json_output:
        write_json([{"index": i, **(json.loads(e.as_bytes()) if e else {})} for i, e in entries])
        return ExitCode.CLEAN
    rows = [
        [index, utc_time(entry.time_s), entry.kind, entry.subject] if entry else [index, "", "", ""]
        for index, entry in entries
    ]
    write_table(f"{size} entries", ("entry", "time", "kind", "subject"), rows)
    return ExitCode.CLEAN


def checkpoint(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the checkpoint there.")
    ] = None,
    config: Config = None,
) -> ExitCode:
    """Sign a checkpoint of now, have the witnesses cosign it, and write it to stdout.

    Keep it where nobody who may write the log can: 'log verify --seen' compares with it. Exit
    code: 0 signed, 1 signed and cosigned by fewer witnesses than the quorum.
    """
    from ..core.errors import QuorumError
    from ..ingest.provenance.log import cosign, reachable_witnesses, require_quorum

    settings = load(config)
    chosen = settings.provenance.log
    with opened(settings) as logged:
        log = logged.log()
        signed, failed = cosign(log, log.checkpoint(), reachable_witnesses(chosen))
    for reason in failed.values():
        complain(reason)
    if out is None:
        write_text(signed.note.removesuffix("\n"))
    else:
        out.write_text(signed.note, encoding="utf-8")
        write_line(f"checkpoint of {signed.size} entries written to {out}")
    try:
        require_quorum(signed, chosen.quorum)
    except QuorumError as error:
        complain(str(error))
        return ExitCode.FINDINGS
    return ExitCode.CLEAN


@contextmanager
def opened(settings: Settings) -> Iterator[LoggedRegistry]:
    """Open the log, brought up to date with the registry, and close both."""
    from ..ingest.provenance import SourceRegistry
    from ..ingest.provenance.log import LoggedRegistry

    SourceRegistry(settings.state_dir).close()  # makes the tables, in a new state folder
    logged = LoggedRegistry(settings.state_dir, settings.provenance.log)
    try:
        logged.sync()
        yield logged
    finally:
        logged.close()
