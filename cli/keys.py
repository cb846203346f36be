"""``ragbastion keys``: the bearer keys of the HTTP service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import Body, ExitCode, command
from .key_options import (
    Admin,
    Clearance,
    Department,
    Expires,
    Groups,
    OwnTenant,
    Principal,
    Roles,
)
from .options import Config, Json
from .output import write_json, write_line, write_table
from .refusals import audited
from .state import load, user_name
from .tenant_state import opened_log

if TYPE_CHECKING:
    from ..core.events import Event, EventSink
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
    bodies: dict[str, Body] = {"create": create, "list": list_keys, "revoke": revoke}
    for name, body in bodies.items():
        command(group, name)(audited("identity.refused", f"keys {name}")(body))
    app.add_typer(group, name="keys")


def create(
    principal: Principal,
    tenant: OwnTenant = None,
    admin: Admin = False,
    role: Roles = None,
    group: Groups = None,
    department: Department = "",
    clearance: Clearance = 0,
    expires: Expires = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Make a key and print it once; only its hash is kept."""
    from ..tenancy import Attributes
    from ..tenancy.api_keys import id_of_key

    if admin == (tenant is not None):
        raise typer.BadParameter("give --tenant NAME, or --admin, one of the two")
    ends = _seconds(expires)
    attributes = Attributes(groups=group or (), department=department, clearance=clearance)
    with _opened(load(config)) as (keys, log):
        plain = keys.create(
            tenant=tenant,
            principal=principal,
            roles=role or (),
            attributes=attributes,
            expires_at=ends,
        )
        made = _of_id(keys, id_of_key(plain))
        # Before it is shown: a key that the log does not know is known to nobody.
        log.emit(_event("identity.key_created", made))
    if json_output:
        write_json({"key": plain, **_fields(made)})
    else:
        write_line(plain)
    return ExitCode.CLEAN


def list_keys(json_output: Json = False, config: Config = None) -> ExitCode:
    """List every key without its secret, revoked ones too."""
    with _opened(load(config)) as (keys, _):
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
    with _opened(load(config)) as (keys, log):
        keys.revoke(identifier)
        log.emit(_event("identity.key_revoked", _of_id(keys, identifier)))
    if json_output:
        write_json({"id": identifier, "revoked": True})
    else:
        write_line(f"revoked {identifier}")
    return ExitCode.CLEAN


def _of_id(keys: ApiKeys, identifier: str) -> ApiKey:
    return next(key for key in keys.list() if key.id == identifier)


def _event(kind: str, key: ApiKey) -> Event:
    """Return the event of a key: whose it is, what it may, never the key."""
    from ..core.events import Event

    granted = ("principal", "roles", "groups", "department", "clearance", "expires")
    fields = _fields(key)
    return Event(
        kind=kind,
        tenant=key.tenant or "",
        subject=key.id,
        outcome=kind.rpartition("_")[2],
        principal=user_name(),
        detail={"admin": key.tenant is None} | {name: fields[name] for name in granted},
    )


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


def _seconds(text: str | None) -> float | None:
    """Return a time as it is written on the command line, in seconds since the epoch."""
    if text is None:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("--expires is no time: write it as 2030-01-31") from None
    return (named if named.tzinfo else named.replace(tzinfo=UTC)).timestamp()


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[ApiKeys, EventSink]]:
    """Open the keys and the audit log, the log first: no key is made that it cannot tell of."""
    from ..tenancy import ApiKeys

    path = settings.state_dir / "api_keys.db"
    with opened_log(settings) as log, closing(ApiKeys(path)) as keys:
        yield keys, log
