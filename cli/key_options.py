"""The options of ``ragbastion keys create``."""

from __future__ import annotations

from typing import Annotated

import typer

Principal = Annotated[str, typer.Option("--principal", help="Who will use the key.")]
OwnTenant = Annotated[
    str | None, typer.Option("--tenant", help="The tenant that the key is bound to.")
]
Admin = Annotated[
    bool, typer.Option("--admin", help="An administrator's key: it may name any tenant.")
]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role; repeat it. 'ingest' lets a tenant's key ingest."),
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help="A group of the principal; repeat it.")
]
Department = Annotated[str, typer.Option("--department", help="The department of the principal.")]
Clearance = Annotated[
    int,
    typer.Option(
        "--clearance",
        min=0,
        max=3,
        help="Up to which classification it reads: 0 public to 3 secret.",
    ),
]
Expires = Annotated[
    str | None,
    typer.Option(
        "--expires",
        metavar="TIME",
        help="When the key ends, such as 2030-01-31 or 2030-01-31T12:00:00+01:00; UTC if it "
        "names no zone. Never if left out.",
    ),
]
