"""``ragbastion trace`` and ``blast``: where an answer came from, and what a source has touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .command import ExitCode, command
from .options import AnyTenant, Config, Json
from .output import utc_time, write_json, write_table
from .state import load
from .times import past_seconds_of

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..policies import AuditLog


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "trace")(trace)
    command(app, "blast")(blast)


def trace(
    answer_id: Annotated[
        str, typer.Argument(metavar="ANSWER_ID", help="The id that 'query --json' gave.")
    ],
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Say which passages, sources, documents and signed batches fed a past answer.

    Read from the audit log: check it with 'audit verify'. Each batch is shown with what it is worth
    now.
    """
    from ..ingest.provenance import ChunkVerifier
    from ..retrieval_guard.incident import trace as trace_answer

    settings = load(config)
    with (
        _audit(settings) as log,
        closing(ChunkVerifier(settings.state_dir, settings.provenance)) as verifier,
    ):
        fields = trace_answer(log, verifier, answer_id).as_dict()
    if json_output:
        write_json(fields)
    else:
        _write_trace(fields)
    return ExitCode.CLEAN


def blast(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name.")],
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only answers from then on.")
    ] = None,
    tenant: AnyTenant = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """List the answers that a source has touched. Exit code: 0 none, 1 there are some."""
    from ..retrieval_guard.incident import blast as blast_source

    start = past_seconds_of(since, "--since")
    settings = load(config)
    with _audit(settings) as log:
        found = [each.as_dict() for each in blast_source(log, source, tenant=tenant, since=start)]
    if not found:
        _require_known(settings, source, tenant)
    if json_output:
        write_json(found)
    else:
        title = f"source '{source}' has touched {len(found)} answers"
        columns = ("answer", "time", "tenant", "principal", "passages", "documents")
        write_table(title, columns, [_answer_row(each) for each in found])
    return ExitCode.FINDINGS if found else ExitCode.CLEAN


def _answer_row(answer: dict[str, Any]) -> list[object]:
    return [
        answer["answer_id"],
        utc_time(answer["time_ms"] / 1000),
        answer["tenant"],
        answer["principal"],
        len(answer["chunks"]),
        ", ".join(answer["documents"]),
    ]


def _write_trace(fields: dict[str, Any]) -> None:
    title = (
        f"answer {fields['answer_id']} of {utc_time(fields['time_ms'] / 1000)}: "
        f"tenant '{fields['tenant']}', principal '{fields['principal']}', {fields['outcome']}"
    )
    columns = ("id", "source", "document", "envelope", "integrity", "decision")
    rows = [[row.get(name, "") for name in columns] for row in fields["served"]]
    write_table(title, columns, rows)
    batches = [
        [b["envelope"], b.get("source", ""), utc_time(b.get("signed_at")), b["now"]]
        for b in fields["batches"]
    ]
    if batches:
        write_table("batches", ("envelope", "source", "signed", "now"), batches)


def _require_known(settings: Settings, source: str, tenant: str | None) -> None:
    """Refuse a name that nobody registered: "no answers" would clear the wrong source."""
    from ..ingest.provenance import SourceRegistry

    with closing(SourceRegistry(settings.state_dir)) as registry:
        if not any(each.source == source for each in registry.sources(tenant)):
            raise UsageError(
                "blast refused: no source of that name is registered, and no such answer holds "
                "one; see the names in 'ragbastion sources list'"
            )


@contextmanager
def _audit(settings: Settings) -> Iterator[AuditLog]:
    """Open the audit log that is there: a new one would tell of no answers."""
    from ..policies import AuditLog

    path = settings.state_dir / "audit.db"
    if not path.exists():
        raise UsageError(
            f"'{path}' is not there: name the settings of the folder that answered, or restore it"
        )
    with closing(AuditLog(path)) as log:
        yield log
