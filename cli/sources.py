"""``ragbastion sources``: who may speak for a tenant's documents, and how far each is believed.

The commands that take belief away or give it back are in `source_revocation`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import source_revocation
from .command import ExitCode, command
from .options import AnyTenant, Config, Json, Tenant
from .output import utc_time, write_fields, write_json, write_table
from .refusals import audited
from .source_admin import opened
from .source_revocation import REFUSED
from .state import load

if TYPE_CHECKING:
    from ..ingest.provenance.source_admin import SignerAt, SourceAdmin

_TIMES = frozenset({"opened", "created", "valid_from", "valid_until", "since", "until", "at"})

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source.")]
Tier = Annotated[
    str | None,
    typer.Option(
        "--tier", help="How far it is trusted: untrusted, external, internal, authoritative."
    ),
]
Owner = Annotated[str | None, typer.Option("--owner", help="Who answers for it.")]
Domains = Annotated[
    list[str] | None,
    typer.Option("--domain", help="A host that its documents' addresses are on; repeat it."),
]
Paths = Annotated[
    list[str] | None,
    typer.Option("--path", help="A shell pattern that its documents' names match; repeat it."),
]
SignerUri = Annotated[
    str | None,
    typer.Option(
        "--signer",
        metavar="URI",
        help="Where its key is, as securesystemslib writes it: hsm:…, awskms:…, file2:PATH. A "
        "file of the state folder if left out.",
    ),
]
PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", metavar="FILE", help="The public half of --signer's key, PEM."),
]

Vouch = Annotated[
    bool,
    typer.Option(
        "--vouch", help="Answer for a source that ingestion opened: its probation ends at once."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(
        help="Open, trust, rotate and revoke the sources that sign documents.",
        no_args_is_help=True,
    )
    command(group, "list")(list_sources)
    command(group, "show")(show)
    command(group, "add")(audited(REFUSED, "sources add")(add))
    command(group, "trust")(audited(REFUSED, "sources trust")(trust))
    command(group, "rotate")(audited(REFUSED, "sources rotate")(rotate))
    source_revocation.register_in(group)
    app.add_typer(group, name="sources")


def list_sources(
    tenant: AnyTenant = None, json_output: Json = False, config: Config = None
) -> ExitCode:
    """List sources. Exit code: 0 none is revoked, 1 one is."""
    with opened(load(config)) as admin:
        rows = [_fields(admin, each.tenant, each.source) for each in admin.registry.sources(tenant)]
    if json_output:
        write_json(rows)
    else:
        columns = ("tenant", "source", "tier", "owner", "opened", "opened_by", "state")
        cells = [[*(row[c] for c in columns[:4]), utc_time(row["opened"]), row["opened_by"],
                  row["state"]] for row in rows]  # fmt: skip
        write_table(f"{len(rows)} sources", columns, cells)
    revoked = any(row["state"] == "revoked" for row in rows)
    return ExitCode.FINDINGS if revoked else ExitCode.CLEAN


def show(name: Name, tenant: Tenant, json_output: Json = False, config: Config = None) -> ExitCode:
    """Show a source with its keys, and what was revoked of it and them."""
    with opened(load(config)) as admin:
        admin.known(tenant, name)
        fields = _fields(admin, tenant, name)
    if json_output:
        write_json(fields)
        return ExitCode.CLEAN
    keys, revocations = fields.pop("keys"), fields.pop("revocations")
    write_table(f"source '{name}'", ("field", "value"), list(_readable(fields).items()))
    for title, columns, rows in (
        ("keys", ("key_id", "uri", "valid_from", "valid_until", "revoked"), keys),
        ("revocations", ("kind", "subject", "since", "until", "at", "by", "why"), revocations),
    ):
        cells = [[_readable(row)[column] for column in columns] for row in rows]
        write_table(f"{title}: {len(rows)}", columns, cells)
    return ExitCode.CLEAN


def _write(fields: dict[str, Any], *, as_json: bool) -> None:
    write_fields(fields if as_json else _readable(fields), as_json=as_json)


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as people read them: times with their zone, lists without brackets."""
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _TIMES:
            shown[name] = "always" if value == 0 else utc_time(value)
        elif isinstance(value, bool):
            shown[name] = "yes" if value else "no"
        else:
            shown[name] = ", ".join(value) if isinstance(value, list) else value
    return shown


def add(
    name: Name,
    tenant: Tenant,
    tier: Tier = None,
    owner: Owner = None,
    domain: Domains = None,
    path: Paths = None,
    signer: SignerUri = None,
    public_key: PublicKey = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Open a source, with a key of its own."""
    from ..ingest.provenance.source_records import SourceRecord
    from ..tenancy.names import check_text, checked_tenant

    check_text("source refused: its name", name, shortest=1)
    record = SourceRecord(tenant=checked_tenant(tenant), source=name)
    with opened(load(config)) as admin:
        made = admin.open(
            replace(record, **_changes(tier or "internal", owner, domain, path)),
            _signer(signer, public_key),
        )
    _write(made.as_dict(), as_json=json_output)
    return ExitCode.CLEAN


def trust(
    name: Name,
    tenant: Tenant,
    tier: Tier = None,
    owner: Owner = None,
    domain: Domains = None,
    path: Paths = None,
    vouch: Vouch = False,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Change how far a source is trusted and what it may hold, from the next query on.

    What is left out stays; --domain '' or --path '' takes all of them away.
    """
    with opened(load(config)) as admin:
        record = replace(admin.known(tenant, name), **_changes(tier, owner, domain, path))
        if vouch:
            record = admin.vouch(record)
        else:
            admin.change(record)
    _write(record.as_dict(), as_json=json_output)
    return ExitCode.CLEAN


def rotate(
    name: Name,
    tenant: Tenant,
    overlap_hours: Annotated[
        float,
        typer.Option(
            "--overlap-hours", min=0.0, help="How long the old keys may still sign; 0 ends them."
        ),
    ] = 24.0,
    reviewer: Annotated[
        bool, typer.Option("--reviewer", help="NAME is a reviewer, not a source.")
    ] = False,
    signer: SignerUri = None,
    public_key: PublicKey = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Give a source a new key; what the old ones signed in their time still counts."""
    kind = "reviewer" if reviewer else "source"
    with opened(load(config)) as admin:
        key = admin.rotate(
            tenant,
            f"{kind}/{name}",
            overlap_s=overlap_hours * 3600,
            signer=_signer(signer, public_key),
        )
    _write(key.as_dict(), as_json=json_output)
    return ExitCode.CLEAN


def _changes(
    tier: str | None, owner: str | None, domains: list[str] | None, paths: list[str] | None
) -> dict[str, Any]:
    """Return the fields of a record that options give."""
    from ..ingest.provenance.source_records import TrustTier
    from ..tenancy.names import check_text

    changes: dict[str, Any] = {}
    if tier is not None:
        if tier not in list(TrustTier):
            raise typer.BadParameter(f"--tier is one of {', '.join(TrustTier)}")
        changes["tier"] = TrustTier(tier)
    if owner is not None:
        check_text("source refused: its owner", owner)
        changes["owner"] = owner
    if domains is not None:
        changes["domains"] = tuple(each.lower().strip(".") for each in domains if each)
    if paths is not None:
        changes["paths"] = tuple(each for each in paths if each)
    return changes


def _signer(uri: str | None, public_key: Path | None) -> SignerAt | None:
    from ..ingest.provenance.source_admin import SignerAt

    if uri is None and public_key is None:
        return None
    if uri is None or public_key is None:
        raise typer.BadParameter("give --signer and --public-key together, or neither")
    try:
        return SignerAt(uri=uri, public_pem=public_key.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"--public-key '{public_key}' cannot be read as PEM") from None


def _fields(admin: SourceAdmin, tenant: str, source: str) -> dict[str, Any]:
    """Return a source as a program reads it."""
    from ..ingest.provenance.source_records import Revoked

    record = admin.known(tenant, source)
    keys = admin.registry.keys(tenant, f"source/{source}")
    against = admin.registry.revocations(Revoked.SOURCE, tenant, source)
    revoked = any(each.until is None for each in against)
    of_keys = [
        each for key in keys for each in admin.registry.revocations(Revoked.KEY, tenant, key.key_id)
    ]
    return {
        **record.as_dict(),
        "state": "revoked" if revoked else "open",
        "keys": [key.as_dict() for key in keys],
        "revocations": [each.as_dict() for each in (*against, *of_keys)],
    }
