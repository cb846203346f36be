"""``ragbastion log witness``: be a witness of somebody's log, on a machine of your own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .command import ExitCode
from .output import write_line, write_table

if TYPE_CHECKING:
    from ..ingest.provenance.log import LocalWitness

_MAX_REQUEST_BYTES = 1_100_000


def witness(
    folder: Annotated[
        Path,
        typer.Option("--folder", help="Where the witness keeps its key and what it has seen."),
    ],
    name: Annotated[
        str, typer.Option("--name", help="The witness's name, such as 'witness.example/w1'.")
    ],
    log: Annotated[
        list[str] | None,
        typer.Option("--log", metavar="KEY", help="The verifier key of a log; repeat it."),
    ] = None,
    serve: Annotated[
        Path | None,
        typer.Option(
            "--serve", metavar="FOLDER", help="Answer the requests in a folder, not on stdin."
        ),
    ] = None,
    show_key: Annotated[
        bool, typer.Option("--key", help="Print the witness's verifier key and do nothing else.")
    ] = False,
) -> ExitCode:
    """Cosign a checkpoint if it holds all that was cosigned before: request in, lines out.

    A request is the body of C2SP's add-checkpoint. Exit code: 0 cosigned, 1 another size is known,
    which is printed, 3 refused.
    """
    from ..ingest.provenance.keys import SigningKeys
    from ..ingest.provenance.log import LocalWitness, NoteKey, NoteSigner

    signer = NoteSigner(name, SigningKeys(folder).key(f"witness/{name}"))
    if show_key:
        write_line(str(signer.cosigner))
        return ExitCode.CLEAN
    keys = [NoteKey.parse(text) for text in log or ()]
    if not keys:
        raise UsageError("witness refused: name at least one log with --log")
    local = LocalWitness(folder / "seen", signer, {key.name: key for key in keys})
    return _answer(local) if serve is None else _serve(local, serve)


def _answer(local: LocalWitness) -> ExitCode:
    from ..ingest.provenance.log import WitnessConflictError, WitnessRequest

    body = sys.stdin.buffer.read(_MAX_REQUEST_BYTES).decode("utf-8", "replace")
    try:
        lines = local.cosign(WitnessRequest.parse(body))
    except WitnessConflictError as conflict:
        write_line(str(conflict.size))
        return ExitCode.FINDINGS
    write_line(lines.removesuffix("\n"))
    return ExitCode.CLEAN


def _serve(local: LocalWitness, folder: Path) -> ExitCode:
    from ..ingest.provenance.log import serve_folder

    outcomes = serve_folder(local, folder)
    write_table(f"{len(outcomes)} requests", ("request", "outcome"), outcomes.items())
    refused = any(each != "cosigned" for each in outcomes.values())
    return ExitCode.FINDINGS if refused else ExitCode.CLEAN
