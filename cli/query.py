"""``ragbastion query``: what an agent would be given for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .access_options import Clearance, Department, Groups, Principal, Roles
from .command import ExitCode, command, complain
from .options import Collection, Config, Json, Store, Tenant
from .output import write_json, write_table, write_text
from .state import load, open_guard, user_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.verdict import Verdict

_COLUMNS = ("source", "document", "integrity", "verdict", "support", "marks")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "query")(query)


def query(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question.")],
    tenant: Tenant,
    collection: Collection = None,
    store: Store = None,
    principal: Principal = None,
    role: Roles = None,
    group: Groups = None,
    department: Department = "",
    clearance: Clearance = 0,
    session: Annotated[
        str, typer.Option("--session", help="The session whose record this retrieval joins.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=200, help="How many passages at most.")
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Retrieve guarded context: verified, corroborated, stripped and redacted.

    Exit code: 0 served as stored, 1 something was refused, removed or masked, 3 failure. Passages
    left out because others of their source are served already do not count.
    """
    from ..tenancy import operator_context

    settings = load(config, store=store, collection=collection)
    context = operator_context(
        tenant=tenant,
        principal=principal or user_name(),
        roles=frozenset(role or ()),
        session=session,
        groups=group or (),
        department=department,
        clearance=clearance,
    )
    with open_guard(settings) as guard:
        answer = guard.retrieve(text, context, collection=settings.collection, limit=limit)
    if json_output:
        write_json(answer.as_dict())
    else:
        _write(answer.as_dict())
    return _code(answer.verdict)


def _code(verdict: Verdict) -> ExitCode:
    from ..core.verdict import Decision

    if any(finding.kind == "guard_failure" for finding in verdict.findings):
        complain("; ".join(verdict.reasons))
        return ExitCode.FAILURE
    return ExitCode.CLEAN if verdict.decision is Decision.ALLOW else ExitCode.FINDINGS


def _told(sides: Sequence[Mapping[str, Any]]) -> str:
    said = (f"{side['voice']} says {', '.join(side['values']) or 'otherwise'}" for side in sides)
    return "; ".join(said)


def _write(answer: Mapping[str, Any]) -> None:
    write_text(answer["context"] or "(nothing may be served)")
    rows = [
        (
            chunk["source"],
            chunk["document"],
            chunk["integrity"],
            chunk["verdict"]["decision"],
            str(chunk["support"]),
            ", ".join(chunk["marks"]),
        )
        for chunk in answer["chunks"]
    ]
    title = f"{len(rows)} passages, integrity {answer['integrity']}, {answer['ms']:.0f} ms"
    write_table(title, _COLUMNS, rows)
    if answer["chunks"]:
        write_text(f"certificate: {answer['certificate']['statement']}")
    for conflict in answer["conflicts"]:
        write_text(f"conflict of {conflict['kind']}: {_told(conflict['sides'])}")
    dropped = [[d["id"], d["source"], d["step"], d["reason"]] for d in answer["dropped"]]
    if dropped:
        write_table("not served", ("id", "source", "step", "reason"), dropped)
    for reason in answer["verdict"]["reasons"]:
        write_text(f"- {reason}")
