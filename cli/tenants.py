"""``ragbastion tenants``: what a tenant has in the store, copied, brought back and erased.

The commands about keys of the same group are in `tenant_keys`.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from . import tenant_keys
from .command import Body, ExitCode, command
from .options import Config, Json, Store, Tenant
from .output import write_json, write_line, write_table
from .refusals import audited
from .state import load, user_name
from .tenant_state import opened_tenants

if TYPE_CHECKING:
    from ..core.chunk import TenantId
    from ..core.events import EventSink
    from ..core.settings import Settings
    from ..tenancy.backup_format import BackupManifest

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the backup.")]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(
        help="List, back up, restore and erase tenants; manage the keys that seal their payloads.",
        no_args_is_help=True,
    )
    bodies: dict[str, Body] = {
        "list": list_tenants,
        "backup": backup,
        "restore": restore,
        "erase": erase,
    }
    for name, body in bodies.items():
        command(group, name)(audited("tenancy.refused", f"tenants {name}")(body))
    tenant_keys.register_in(group)
    app.add_typer(group, name="tenants")


def list_tenants(store: Store = None, json_output: Json = False, config: Config = None) -> ExitCode:
    """List the tenants of every collection, with how many points each of them has."""
    settings = load(config, store=store)
    with opened_tenants(settings) as opened:
        kept = opened.store
        rows = [
            {"tenant": owner, "collection": info.name, "points": kept.count(info.name, owner)}
            for info in kept.collections()
            for owner in kept.tenants(info.name)
        ]
    if json_output:
        write_json(rows)
    else:
        cells = [list(row.values()) for row in rows]
        write_table(f"{len(rows)} tenants", ("tenant", "collection", "points"), cells)
    return ExitCode.CLEAN


def backup(
    folder: Folder,
    tenant: Tenant,
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", help="Only this collection; repeat it. All if left out."),
    ] = None,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Copy what a tenant has in the store to a new folder, and print the copy's digest.

    What is sealed stays sealed. Keep the digest apart from the copy: 'tenants restore --sha256'
    tells a forged copy by it.
    """
    from ..tenancy import BackupOptions, backup_tenant
    from ..tenancy.names import checked_tenant

    options = BackupOptions(
        collections=tuple(collection) if collection else None, principal=user_name()
    )
    settings = load(config, store=store)
    name = checked_tenant(tenant)
    with opened_tenants(settings) as opened:
        manifest = backup_tenant(opened.store, name, folder, opened.events, options)
    _write(f"backed up to {folder}", manifest, as_json=json_output)
    return ExitCode.CLEAN


def restore(
    folder: Folder,
    tenant: Tenant,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up the points that the tenant has there now.")
    ] = False,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="The digest that 'tenants backup' printed.")
    ] = None,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Bring a backup back, after verifying all of it; the store may be another one."""
    from ..core.chunk import Digest
    from ..tenancy import RestoreOptions, restore_tenant
    from ..tenancy.names import checked_tenant

    options = RestoreOptions(
        replace=replace, digest=Digest(sha256) if sha256 else None, principal=user_name()
    )
    settings = load(config, store=store)
    name = checked_tenant(tenant)
    with opened_tenants(settings, create=True) as opened:
        manifest = restore_tenant(opened.store, name, folder, opened.events, options)
    _write(f"restored from {folder}", manifest, as_json=json_output)
    return ExitCode.CLEAN


def erase(
    tenant: Tenant,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase without asking; needed where nobody can answer.")
    ] = False,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Drop a tenant's keys, then remove it from every collection of the store.

    What its keys sealed cannot be opened by anyone again, in backups neither; key ids and digests
    go to the audit log as proof. Backups themselves and other state stay. If it is cut short, run
    it again.
    """
    from ..tenancy import erase_tenant
    from ..tenancy.names import checked_tenant

    name = checked_tenant(tenant)
    if not yes:
        _confirm(f"Erase everything that tenant '{name}' has?")
    # Keys can be dropped without a store; one that is named here must be there.
    settings = load(config, store=store)
    with opened_tenants(settings, create=store is None) as opened:
        counts = dict(
            erase_tenant(opened.store, name, opened.events, keys=opened.keys, principal=user_name())
        )
        _forget_quota(settings, name, opened.events)
    if json_output:
        write_json({"tenant": name, "erased": counts})
    else:
        # Twice is allowed, so that a cut erasure can be finished; a misspelt name must show.
        none = "" if counts else ": the store had no points of it; see the names in 'tenants list'"
        title = f"erased tenant {name}{none}"
        write_table(title, ("collection", "points"), list(counts.items()))
    return ExitCode.CLEAN


def _confirm(question: str) -> None:
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        raise UsageError(
            "erase refused: nobody said yes; answer y, or give --yes where nobody can answer"
        ) from None


def _forget_quota(settings: Settings, tenant: TenantId, events: EventSink) -> None:
    """Drop what counts of the tenant's points are kept, so that none is left of it there."""
    from ..retrieval_guard.parts import QUOTAS_FILE
    from ..tenancy import Quotas, operator_context

    path = settings.state_dir / QUOTAS_FILE
    if path.exists():
        with closing(Quotas(settings.quotas, path, events)) as quotas:
            quotas.forget(operator_context(tenant=tenant, principal=user_name()))


def _write(title: str, manifest: BackupManifest, *, as_json: bool) -> None:
    if as_json:
        write_json(manifest.as_dict())
        return
    rows = [(each.name, each.embedder.model, each.points) for each in manifest.collections]
    write_table(f"tenant {manifest.tenant} {title}", ("collection", "model", "points"), rows)
    write_line(f"sha256 {manifest.digest}")
