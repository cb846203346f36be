"""``ragbastion tenants``: the keys that seal the tenants' payloads, made, rotated, rewrapped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .command import Body, ExitCode, command
from .options import Collection, Config, Json, Store, Tenant
from .output import printable, utc_time, write_json, write_line, write_table
from .refusals import audited
from .state import load, open_guard, user_name
from .tenant_state import opened_keys

if TYPE_CHECKING:
    from ..tenancy.encryption import TenantKeys


def register_in(group: typer.Typer) -> None:
    """Add the commands of this module to the group ``tenants``."""
    bodies: dict[str, Body] = {
        "make-key": make_key,
        "keys": list_keys,
        "create": create,
        "rotate": rotate,
        "reseal": reseal,
        "rewrap": rewrap,
    }
    for name, body in bodies.items():
        command(group, name)(audited("tenancy.refused", f"tenants {name}")(body))


def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist.")],
    json_output: Json = False,
) -> ExitCode:
    """Write a new key-encryption key to a file that only you can read.

    Keep a copy where the data's backups are not: without it nothing that was sealed opens.
    """
    from ..tenancy.encryption import FileKeyEncryption

    key = FileKeyEncryption.create(file)
    _write({"file": str(file), "key": key.key_id}, as_json=json_output)
    return ExitCode.CLEAN


def list_keys(json_output: Json = False, config: Config = None) -> ExitCode:
    """List every tenant's keys, wrapped as they are kept, and what is left of erased ones."""
    with opened_keys(load(config)) as keys:
        rows = _rows(keys)
    if json_output:
        write_json(rows)
        return ExitCode.CLEAN
    columns = ("tenant", "version", "key", "wrapped under", "seals", "created", "erased")
    cells = [
        [
            *(row[name] for name in ("tenant", "version", "key", "kek")),
            "" if row["seals"] is None else row["seals"],
            *(utc_time(row[name]) for name in ("created", "erased")),
        ]
        for row in rows
    ]
    write_table(f"{len(rows)} keys", columns, cells)
    return ExitCode.CLEAN


def create(tenant: Tenant, json_output: Json = False, config: Config = None) -> ExitCode:
    """Make the first key of a tenant, or a new one for a tenant that was erased.

    A tenant that was never seen gets its key by itself with its first document.
    """
    with opened_keys(load(config)) as keys:
        version = keys.create(tenant, principal=user_name())
    _write({"tenant": tenant, "version": version}, as_json=json_output)
    return ExitCode.CLEAN


def rotate(tenant: Tenant, json_output: Json = False, config: Config = None) -> ExitCode:
    """Make a new key that seals from now on; what older keys sealed still opens."""
    with opened_keys(load(config)) as keys:
        version = keys.rotate(tenant, principal=user_name())
    _write({"tenant": tenant, "version": version}, as_json=json_output)
    return ExitCode.CLEAN


def reseal(
    tenant: Tenant,
    collection: Collection = None,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Seal again with the newest key what older keys sealed; stop and start it as you like.

    With 'encryption.unsafe_accept_plain' set it also seals what was stored in plain.
    """
    from ..core.chunk import TenantId
    from ..tenancy import EdgeStore, QdrantStore

    settings = load(config, store=store, collection=collection)
    with open_guard(settings) as guard:
        opened = guard.store
        if not isinstance(opened, EdgeStore | QdrantStore):
            raise UsageError("reseal refused: this store cannot reseal")
        count = sum(opened.reseal(settings.collection, TenantId(tenant)))
    _write({"tenant": tenant, "resealed": count}, as_json=json_output)
    return ExitCode.CLEAN


def rewrap(json_output: Json = False, config: Config = None) -> ExitCode:
    """Put every tenant's keys under the key-encryption key of 'encryption.key'.

    Set 'encryption.previous_keys' to the old one first, and remove it, and the key, afterwards. If
    it is interrupted all keys are still under the old one: run it again.
    """
    with opened_keys(load(config)) as keys:
        count = keys.rewrap(principal=user_name())
    _write({"rewrapped": count}, as_json=json_output)
    return ExitCode.CLEAN


def _rows(keys: TenantKeys) -> list[dict[str, Any]]:
    rows = [
        {"tenant": key.tenant, "version": key.version, "key": key.key_id, "kek": key.kek_id}
        | {"seals": key.seals, "created": key.created_at, "erased": None}
        for key in keys.live()
    ] + [
        {"tenant": tenant, "version": key.version, "key": key.key_id, "kek": key.kek_id}
        | {"seals": None, "created": None, "erased": key.erased_at}
        for tenant, gone in keys.erased().items()
        for key in gone
    ]
    return sorted(rows, key=lambda row: (row["tenant"], row["version"]))


def _write(fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(fields)
    else:
        write_line(printable(", ".join(f"{name}: {value}" for name, value in fields.items())))
