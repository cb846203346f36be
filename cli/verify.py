"""``ragbastion verify``: every stored point of a collection, checked against its signature."""

from __future__ import annotations

from typing import Any

import typer

from .command import ExitCode, command
from .options import AnyTenant, Collection, Config, Json, Store
from .output import write_json, write_table
from .state import load, open_guard


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "verify")(verify)


def verify(
    collection: Collection = None,
    store: Store = None,
    tenant: AnyTenant = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Check every point of a collection: altered, unsigned, moved between tenants, revoked.

    A point of a revoked source, key or reviewer is 'revoked', one of an older version of its
    document 'replayed', one with another access label than its document has, or restored from
    deletion past the guard, 'relabelled'; one whose envelope the transparency log does not hold is
    'unlogged';
    'unopened' is a sealed value that does not open, 'foreign' a point of another tenant, 'missing'
    what the ledger has and the store lacks. 'ledger' counts where the ledger and the log disagree,
    as after 'ledger.db' was put back.

    Exit code: 0 every point verifies, 1 one does not, 3 failure.
    """
    settings = load(config, store=store, collection=collection)
    with open_guard(settings) as guard:
        report = guard.verify(settings.collection, tenant=tenant)
    fields = report.as_dict()
    if json_output:
        write_json(fields)
    else:
        _write(settings.collection, fields)
    return ExitCode.CLEAN if report.clean else ExitCode.FINDINGS


def _write(collection: str, fields: dict[str, Any]) -> None:
    counts = {name: value for name, value in fields.items() if isinstance(value, int)}
    del counts["clean"]
    write_table(f"collection '{collection}'", list(counts), [list(counts.values())])
    if lost := fields["missing_ids"]:
        write_table("missing", ["id"], [[each] for each in lost])
    if differing := fields["ledger_findings"]:
        columns = list(differing[0])
        write_table("ledger and log", columns, [[f[c] for c in columns] for f in differing])
    found = fields["findings"]
    if found:
        columns = list(found[0])
        write_table("what does not verify", columns, [[f[c] for c in columns] for f in found])
