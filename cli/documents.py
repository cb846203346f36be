"""``ragbastion documents``: hide a document, show it again, or say anew who may read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .access_options import (
    Classification,
    Clearance,
    LabelDepartment,
    LabelGroups,
    LabelUsers,
    Owner,
    Principal,
    Roles,
    label_of,
)
from .command import ExitCode, command
from .options import Collection, Config, Json, Store, Tenant
from .output import write_json, write_line
from .state import load, open_guard, user_name

if TYPE_CHECKING:
    from ..retrieval_guard.documents import DocumentName, Documents
    from ..tenancy import TenantContext

    Change = Callable[[Documents, DocumentName, TenantContext], int]

Document = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="The document as 'query' names it.")
]
Source = Annotated[str, typer.Option("--source", help="The source that the document is of.")]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(
        help="Delete, restore and label documents: who of a tenant may read them.",
        no_args_is_help=True,
    )
    command(group, "delete")(delete)
    command(group, "restore")(restore)
    command(group, "label")(label)
    app.add_typer(group, name="documents")


def delete(
    document: Document,
    source: Source,
    tenant: Tenant,
    collection: Collection = None,
    store: Store = None,
    principal: Principal = None,
    role: Roles = None,
    clearance: Clearance = 0,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Hide a document from every reader; 'documents restore' brings it back.

    Its owner may, and the roles 'admin' and 'curator', with clearance for it.
    """
    place = _Place(document, source, collection, store, config)
    caller = _Caller(tenant, principal, role, clearance)
    points = _changed(place, caller, lambda documents, name, who: documents.delete(name, who))
    return _told("deleted", place, points, as_json=json_output)


def restore(
    document: Document,
    source: Source,
    tenant: Tenant,
    collection: Collection = None,
    store: Store = None,
    principal: Principal = None,
    role: Roles = None,
    clearance: Clearance = 0,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Show a deleted document to its readers again; for the roles 'admin' and 'curator'."""
    place = _Place(document, source, collection, store, config)
    caller = _Caller(tenant, principal, role, clearance)
    points = _changed(place, caller, lambda documents, name, who: documents.restore(name, who))
    return _told("restored", place, points, as_json=json_output)


def label(
    document: Document,
    source: Source,
    tenant: Tenant,
    owner: Owner = "",
    user: LabelUsers = None,
    group: LabelGroups = None,
    department: LabelDepartment = "",
    classification: Classification = None,
    collection: Collection = None,
    store: Store = None,
    principal: Principal = None,
    role: Roles = None,
    clearance: Clearance = 0,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Say anew who may read a document.

    Owner and classification stay if they are left out; users, groups and department do not.
    """
    wanted = label_of(owner, user, group, department, classification)
    if wanted is None:
        raise UsageError(
            "nothing to change: name at least one of --owner, --user, --group, --department and "
            "--classification"
        )
    place = _Place(document, source, collection, store, config)
    caller = _Caller(tenant, principal, role, clearance)
    points = _changed(
        place, caller, lambda documents, name, who: documents.label(name, who, wanted)
    )
    return _told("labelled", place, points, as_json=json_output)


@dataclass(frozen=True, slots=True)
class _Place:
    document: str
    source: str
    collection: str | None
    store: str | None
    config: Path | None


@dataclass(frozen=True, slots=True)
class _Caller:
    tenant: str
    principal: str | None
    roles: list[str] | None
    clearance: int


def _changed(place: _Place, caller: _Caller, change: Change) -> int:
    from ..retrieval_guard.documents import DocumentName
    from ..tenancy import operator_context

    name = DocumentName(source=place.source, document=place.document)
    context = operator_context(
        tenant=caller.tenant,
        principal=caller.principal or user_name(),
        roles=caller.roles or (),
        clearance=caller.clearance,
    )
    settings = load(place.config, store=place.store, collection=place.collection)
    with open_guard(settings) as guard:
        return change(guard.documents(context, settings.collection), name, context)


def _told(what: str, place: _Place, points: int, *, as_json: bool) -> ExitCode:
    if as_json:
        write_json({"source": place.source, "document": place.document, "points": points})
    else:
        write_line(f"{what} '{place.document}' of '{place.source}': {points} passages")
    return ExitCode.CLEAN
