"""The options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of a table.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant that the call is for.")]
AnyTenant = Annotated[
    str | None, typer.Option("--tenant", help="Only this tenant; all tenants if left out.")
]
Collection = Annotated[
    str | None,
    typer.Option("--collection", help="The collection; the setting 'collection' if left out."),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="A folder for the embedded store, or the URL of a Qdrant server; "
        "the setting 'store' if left out.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="The settings file; './ragbastion.toml' if left out."),
]
Lines = Annotated[
    str | None,
    typer.Option("--jsonl", metavar="FILE", help="Read JSON Lines from FILE, or '-' for stdin."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, help="Decide at this score instead of the setting."
    ),
]
OneFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", exists=True, dir_okay=False, help="One file of any supported format."
    ),
]
