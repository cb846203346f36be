"""``ragbastion keys``: the bearer keys of the HTTP service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import ExitCode, command
from .options import Config, Json
from .output import write_json, write_line, write_table
from .state import load
from .times import seconds_of

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..tenancy import ApiKey, ApiKeys

_COLUMNS = (
    "id",
    "tenant",
    "principal",
    "roles",
    "groups",
    "department",
    "clearance",
    "created",
    "expires",
    "revoked",
)


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Manage the keys of the HTTP service.", no_args_is_help=True)
    command(group, "create")(create)
    command(group, "list")(list_keys)
    command(group, "revoke")(revoke)
    app.add_typer(group, name="keys")


def create(
    principal: Annotated[str, typer.Option("--principal", help="Who will use the key.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="The tenant that the key is bound to.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="An administrator's key: it may name any tenant.")
    ] = False,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="A role; repeat it. 'ingest' lets a tenant's key ingest."),
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="A group of the principal; repeat it.")
    ] = None,
    department: Annotated[
        str, typer.Option("--department", help="The department of the principal.")
    ] = "",
    clearance: Annotated[
        int,
        typer.Option(
            "--clearance",
            min=0,
            max=3,
            help="Up to which classification it reads: 0 public to 3 secret.",
        ),
    ] = 0,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="When the key ends, such as 2030-01-31 or 2030-01-31T12:00:00+01:00; UTC if it "
            "names no zone. Never if left out.",
        ),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Make a key and print it once; only its hash is kept."""
    from ..tenancy import Attributes

    if admin == (tenant is not None):
        raise typer.BadParameter("give --tenant NAME, or --admin, one of the two")
    ends = seconds_of(expires, "--expires")
    attributes = Attributes(groups=group or (), department=department, clearance=clearance)
    with _opened(load(config)) as keys:
        key = keys.create(
            tenant=tenant,
            principal=principal,
            roles=role or (),
            attributes=attributes,
            expires_at=ends,
        )
    if json_output:
        write_json(
            {
                "key": key,
                "tenant": tenant,
                "principal": principal,
                "roles": sorted(set(role or ())),
                "groups": sorted(set(group or ())),
                "department": department,
                "clearance": clearance,
                "expires": _time(ends),
            }
        )
    else:
        write_line(key)
    return ExitCode.CLEAN


def list_keys(json_output: Json = False, config: Config = None) -> ExitCode:
    """List every key without its secret, revoked ones too."""
    with _opened(load(config)) as keys:
        rows = [_fields(key) for key in keys.list()]
    if json_output:
        write_json(rows)
    else:
        cells = [[_cell(row[name]) for name in _COLUMNS] for row in rows]
        write_table(f"{len(rows)} keys", _COLUMNS, cells)
    return ExitCode.CLEAN


def revoke(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The id in 'keys list'.")],
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Revoke a key; a running service refuses it from the next request on."""
    with _opened(load(config)) as keys:
        keys.revoke(identifier)
    if json_output:
        write_json({"id": identifier, "revoked": True})
    else:
        write_line(f"revoked {identifier}")
    return ExitCode.CLEAN


def _fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "principal": key.principal,
        "roles": sorted(key.roles),
        "groups": sorted(key.groups),
        "department": key.department,
        "clearance": key.clearance,
        "created": _time(key.created_at),
        "expires": _time(key.expires_at),
        "revoked": _time(key.revoked_at),
    }


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


@contextmanager
def _opened(settings: Settings) -> Iterator[ApiKeys]:
    from ..tenancy import ApiKeys

    keys = ApiKeys(settings.state_dir / "api_keys.db")
    try:
        yield keys
    finally:
        keys.close()
