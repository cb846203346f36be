"""``ragbastion log prove``: proofs that a stranger can check without the log."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .command import ExitCode
from .options import Config
from .output import json_text, write_line
from .state import load

if TYPE_CHECKING:
    from ..ingest.provenance.log import TransparencyLog


def prove(
    envelope: Annotated[
        str | None, typer.Option("--envelope", metavar="ID", help="An envelope: its proof bundle.")
    ] = None,
    index: Annotated[
        int | None,
        typer.Option("--index", min=0, help="An entry: that it is in the log."),
    ] = None,
    old: Annotated[
        int | None,
        typer.Option("--old", min=0, help="A size: the proof that the log only grew since."),
    ] = None,
    new: Annotated[
        int | None, typer.Option("--new", min=0, help="With --old: up to which size; else to now.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the proof there.")
    ] = None,
    config: Config = None,
) -> ExitCode:
    """Write a proof as JSON: of inclusion for --envelope or --index, of consistency for --old."""
    from ..ingest.provenance.log import bundle_of
    from ..ingest.provenance.log import prove as prove_entry
    from .log import opened

    if sum(each is not None for each in (envelope, index, old)) != 1:
        raise UsageError("prove refused: give one of --envelope, --index and --old")
    with opened(load(config)) as logged:
        log = logged.log()
        if old is not None:
            proof = _consistency(log, old, new)
        elif index is not None:
            proof = prove_entry(log, index).as_dict()
        else:
            proof = bundle_of(logged, str(envelope))
    if out is None:
        write_line(json_text(proof))
    else:
        out.write_text(json_text(proof, indent=1) + "\n", encoding="utf-8")
    return ExitCode.CLEAN


def _consistency(log: TransparencyLog, old: int, new: int | None) -> dict[str, Any]:
    now = log.newest()
    size = new if new is not None else (now.size if now else 0)
    hashes = log.consistency(old, size)
    return {
        "oldSize": str(old),
        "newSize": str(size),
        "oldRoot": base64.b64encode(log.root(old)).decode(),
        "newRoot": base64.b64encode(log.root(size)).decode(),
        "hashes": [base64.b64encode(each).decode() for each in hashes],
    }
