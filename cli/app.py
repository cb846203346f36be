"""The ``ragbastion`` command.

Exit codes of every command: 0 clean, 1 findings, 2 wrong usage, 3 failure. Results go to stdout,
errors and progress to stderr. Building the app loads no model, so ``--help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import (
    attest,
    audit,
    authorize,
    bench,
    demo_command,
    doctor,
    documents,
    incident,
    ingest,
    keys,
    log,
    policy,
    quarantine,
    query,
    redact,
    root,
    rules,
    scan,
    serve,
    sources,
    tenants,
    verify,
)
from .command import Verbose

app = typer.Typer(
    name="ragbastion",
    help="Guard the data layer of a RAG system: scan, sign, isolate, redact, authorize.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# In the order in which a new user meets them; --help and the reference keep it.
for module in (
    demo_command,
    scan,
    rules,
    ingest,
    query,
    redact,
    authorize,
    verify,
    incident,
    attest,
    log,
    quarantine,
    documents,
    policy,
    sources,
    root,
    audit,
    keys,
    tenants,
    serve,
    doctor,
    bench,
):
    module.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ragbastion {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    verbose: Verbose = False,
) -> None:
    pass


def main() -> None:
    """Run the command with the arguments of the process."""
    app(prog_name="ragbastion")


if __name__ == "__main__":
    main()
