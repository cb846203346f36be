"""``ragbastion verify``: every stored point of a collection, checked against its signature.

With ``--reembed`` a sample of them is checked against the embedding model as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .command import ExitCode, command
from .options import AnyTenant, Collection, Config, Json, Store
from .output import printable, write_json, write_line, write_table
from .state import load, open_guard

if TYPE_CHECKING:
    from ..retrieval_guard import SampleSize

_COUNTS = ("population", "sampled", "matching", "mismatched", "not_comparable")


Sample = Annotated[
    str | None,
    typer.Option(
        "--reembed",
        metavar="SAMPLE",
        help="Also embed a random sample of what verifies again, and compare the vectors: a "
        "number of chunks (200), a share of all (5%), or 'all'.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, help="Draw the sample that this number gives; random if left out."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "verify")(verify)


def verify(
    collection: Collection = None,
    store: Store = None,
    tenant: AnyTenant = None,
    reembed: Sample = None,
    seed: Seed = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Check every point of a collection: altered, unsigned, moved, replayed, revoked, missing.

    'moved' was signed for another tenant, source, collection or id, 'replayed' is of an older
    version of its document; 'relabelled' has another access label than its document, or is restored
    from deletion past the guard; 'refused' is as it was signed, and the time of its key, the
    patterns of its source or the trust policy refuse it; 'revoked' is of a revoked source, key or
    reviewer; 'unlogged' has an envelope that the transparency log does not hold; 'unopened' a
    sealed value that does not open; 'missing' the ledger has and the store lacks. 'ledger' counts
    where the ledger and the log disagree, as after 'ledger.db' was put back.

    With --reembed, a chunk whose vector is not what the model named in its envelope makes of its
    text is 'mismatched'; 'not_comparable' is one whose envelope names another model, or none.

    Exit code: 0 every point verifies and every sampled one matches, 1 one does not or cannot be
    compared, 2 wrong usage, 3 failure, such as a collection of another model.
    """
    size = _sample_size(reembed, seed)
    settings = load(config, store=store, collection=collection)
    with open_guard(settings) as guard:
        report = guard.verify(settings.collection, tenant=tenant, reembed=size, seed=seed)
    fields = report.as_dict()
    if json_output:
        write_json(fields)
    else:
        _write(settings.collection, fields)
    return ExitCode.CLEAN if report.clean else ExitCode.FINDINGS


def _sample_size(reembed: str | None, seed: int | None) -> SampleSize | None:
    if reembed is None:
        if seed is not None:
            raise UsageError("--seed refused: it draws the sample of --reembed; give both")
        return None
    from ..retrieval_guard.sampling import SampleSize

    return SampleSize.parse(reembed)


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
    if audit := fields.get("reembedding"):
        _write_audit(audit)


def _write_audit(audit: dict[str, Any]) -> None:
    counts = {name: audit[name] for name in _COUNTS}
    write_table(
        f"embedded again by '{audit['model']}', seed {audit['seed']}",
        list(counts),
        [list(counts.values())],
    )
    write_line(printable(conclusion(audit)))
    if found := audit["findings"]:
        columns = list(found[0])
        rows = [["" if f[c] is None else _short(f[c]) for c in columns] for f in found]
        write_table("what is not the vector of its text", columns, rows)


def conclusion(audit: dict[str, Any]) -> str:
    """Say in a sentence what the sample is worth."""
    compared = audit["matching"] + audit["mismatched"]
    if not audit["population"]:
        return "Nothing verifies here, so nothing was embedded again."
    if not compared:
        return "Nothing of the sample could be compared: the audit says nothing of the collection."
    comparable = audit["population"] - audit["not_comparable"]
    if compared == comparable:
        return "Every comparable chunk was compared."
    found = (
        f"This sample finds a mismatched chunk with 95 % confidence if "
        f"{audit['findable_share']:.2%} or more of {comparable} are."
    )
    if audit["mismatched"]:
        found += f" By what it shows, up to {audit['largest_share']:.2%} are."
    return found


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
