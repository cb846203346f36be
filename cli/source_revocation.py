"""``ragbastion sources revoke|reopen|reinstate``: belief taken away from a source, and given back.

Every query after the command follows it, in every process. The store is touched only if that is
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import RagbastionError, UsageError
from .command import ExitCode, command, complain
from .options import Config, Json, Store, Tenant
from .output import printable, utc_time, write_fields
from .refusals import audited
from .source_admin import opened, opened_to_revoke
from .state import load, user_name
from .tenant_state import opened_tenants
from .times import past_seconds_of

if TYPE_CHECKING:
    from ..core.chunk import TenantId
    from ..core.events import EventSink
    from ..core.settings import Settings
    from ..core.store import VectorStore
    from ..ingest.withdrawal import Withdrawal

REFUSED = "provenance.refused"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the revocation.")]
Collections = Annotated[
    list[str] | None,
    typer.Option("--collection", help="Only in this collection; repeat it. All if left out."),
]
Hide = Annotated[
    bool,
    typer.Option("--hide", help="Also take its chunks out of the store, so that they can return."),
]
Purge = Annotated[bool, typer.Option("--purge", help="Also delete its chunks from the store.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Purge without asking; needed where nobody can answer.")
]


def register_in(group: typer.Typer) -> None:
    """Add the commands of this module to the group."""
    command(group, "revoke")(audited(REFUSED, "sources revoke")(revoke))
    command(group, "withdraw")(audited(REFUSED, "sources withdraw")(withdraw))
    command(group, "reopen")(audited(REFUSED, "sources reopen")(reopen))
    command(group, "reinstate")(audited(REFUSED, "sources reinstate")(reinstate))


def revoke(
    name: Name,
    tenant: Tenant,
    reason: Reason,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only what was signed or arrived at or after this time, such as 2030-01-31T12:00; "
            "UTC if it names no zone. All that it ever said if left out.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="ID", help="Only this key of the source, not the source."),
    ] = None,
    reviewer: Annotated[
        bool, typer.Option("--reviewer", help="NAME is a reviewer: what it released is revoked.")
    ] = False,
    hide: Hide = False,
    purge: Purge = False,
    collection: Collections = None,
    store: Store = None,
    yes: Yes = False,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Stop believing a source, a key of it, or a reviewer, from the next query on, everywhere.

    The source signs no more until 'sources reopen' (with a new key; what is revoked stays so) or
    'sources reinstate' (it was a mistake).
    """
    at = past_seconds_of(since, "--since") or 0.0
    _check_reason(reason)
    settings = load(config, store=store)
    if reviewer and (hide or purge or key):
        raise typer.BadParameter("--reviewer goes with --since and --reason only")
    _confirm_purge(name, hide=hide, purge=purge, yes=yes)
    with opened_to_revoke(settings) as admin:
        if reviewer:
            admin.revoke_reviewer(tenant, name, reason, since=at)
        elif key is None:
            admin.revoke_source(tenant, name, reason, since=at)
        else:
            admin.known(tenant, name)
            admin.revoke_key(tenant, key, reason, since=at, name=f"source/{name}")
    kind = "reviewer" if reviewer else "source"
    told = at if json_output else utc_time(at) if at else "always"
    fields: dict[str, Any] = {"tenant": tenant, kind: name, "revoked": True, "since": told}
    if hide or purge:
        option = "--hide" if hide else "--purge"
        rest = f"is revoked; take its chunks out by 'ragbastion sources withdraw {option}'"
        with _half_done(name, rest):
            fields["hidden" if hide else "purged"] = _withdraw(
                settings, tenant, name, collection, hide=hide
            )
    write_fields(fields, as_json=json_output)
    return ExitCode.CLEAN


def withdraw(
    name: Name,
    tenant: Tenant,
    hide: Hide = False,
    purge: Purge = False,
    collection: Collections = None,
    store: Store = None,
    yes: Yes = False,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Hide or purge the chunks of a source that are revoked; finishes a cut run too."""
    if not hide and not purge:
        raise typer.BadParameter("give --hide or --purge")
    settings = load(config, store=store)
    _confirm_purge(name, hide=hide, purge=purge, yes=yes)
    with opened(settings) as admin:
        admin.known(tenant, name)
    found = _withdraw(settings, tenant, name, collection, hide=hide)
    fields = {"tenant": tenant, "source": name, "hidden" if hide else "purged": found}
    write_fields(fields, as_json=json_output)
    return ExitCode.CLEAN


def reopen(
    name: Name, tenant: Tenant, reason: Reason, json_output: Json = False, config: Config = None
) -> ExitCode:
    """Let a revoked source sign again, with a new key; what was revoked stays so."""
    _check_reason(reason)
    with opened(load(config)) as admin:
        key = admin.reopen(tenant, name, reason)
    write_fields({"tenant": tenant, "source": name, "key_id": key.key_id}, as_json=json_output)
    return ExitCode.CLEAN


def reinstate(
    name: Name,
    tenant: Tenant,
    reason: Reason,
    restore: Annotated[
        bool, typer.Option("--restore", help="Also put the chunks back that were hidden.")
    ] = False,
    collection: Collections = None,
    store: Store = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Take a revocation back as a mistake: what the source said counts again.

    A run with --restore that was cut short is finished by running it again.
    """
    _check_reason(reason)
    settings = load(config, store=store)
    with opened(settings) as admin:
        admin.known(tenant, name)
        if not restore or admin.is_revoked(tenant, name):
            admin.reinstate(tenant, name, reason)
    fields: dict[str, Any] = {"tenant": tenant, "source": name, "revoked": False}
    if restore:
        with _half_done(name, "is reinstated; run this again to put its chunks back (--restore)"):
            back, still = _restore(settings, tenant, name, collection)
        fields |= {"restored": back, "still_hidden": still}
    write_fields(fields, as_json=json_output)
    return ExitCode.CLEAN


def _confirm_purge(name: str, *, hide: bool, purge: bool, yes: bool) -> None:
    if hide and purge:
        raise typer.BadParameter("give --hide or --purge, not both")
    if purge and not yes:
        question = f"Delete what source '{printable(name)}' has in the store?"
        try:
            typer.confirm(question, abort=True, err=True)
        except typer.Abort:
            raise UsageError(
                "purge refused, and nothing was done: nobody said yes; answer y, or give --yes "
                "where nobody can answer"
            ) from None


def _check_reason(reason: str) -> None:
    from ..tenancy.names import check_text

    check_text("command refused: its --reason", reason.strip(), shortest=1)


@contextmanager
def _half_done(name: str, rest: str) -> Iterator[None]:
    """Say what holds already, and how to finish, where the store fails after the registry."""
    try:
        yield
    except RagbastionError:
        complain(f"source '{name}' {rest}, once this is mended:")
        raise


def _withdraw(
    settings: Settings, tenant: str, source: str, collections: list[str] | None, *, hide: bool
) -> int:
    done = 0
    with _withdrawal(settings, tenant, source) as work:
        for name in work.collections(collections):
            count = work.withdrawal.withdraw(name, work.tenant, source, hide=hide)
            kind = "source.hidden" if hide else "source.purged"
            work.tell(kind, {"collection": name, "chunks": count})
            done += count
    return done


def _restore(
    settings: Settings, tenant: str, source: str, collections: list[str] | None
) -> tuple[int, int]:
    restored = stay = 0
    with _withdrawal(settings, tenant, source) as work:
        for name in work.collections(collections):
            back, kept = work.withdrawal.restore(name, work.tenant, source)
            detail = {"collection": name, "chunks": back, "still_hidden": kept}
            work.tell("source.restored", detail)
            restored, stay = restored + back, stay + kept
    return restored, stay


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A withdrawal over the store of the settings, and where it tells of what it did."""

    withdrawal: Withdrawal
    store: VectorStore
    events: EventSink
    tenant: TenantId
    source: str

    def collections(self, named: list[str] | None) -> list[str]:
        """Return the collections to work on: the named ones, or all but those that hide."""
        from ..ingest.withdrawal import HIDDEN

        if named and any(each.endswith(HIDDEN) for each in named):
            raise UsageError("collection refused: it holds what is hidden; name its original")
        names = [info.name for info in self.store.collections()]
        return named or [name for name in names if not name.endswith(HIDDEN)]

    def tell(self, kind: str, detail: dict[str, Any]) -> None:
        """Report what was done in a collection."""
        from ..core.events import Event

        self.events.emit(
            Event(
                kind=kind,
                tenant=self.tenant,
                subject=self.source,
                outcome="done",
                principal=user_name(),
                detail=detail,
            )
        )


@contextmanager
def _withdrawal(settings: Settings, tenant: str, source: str) -> Iterator[_Work]:
    from ..core.chunk import TenantId
    from ..ingest.ledger import Ledger
    from ..ingest.provenance import ChunkVerifier
    from ..ingest.withdrawal import Withdrawal

    with ExitStack() as stack:
        opened_store = stack.enter_context(opened_tenants(settings))
        ledger = stack.enter_context(closing(Ledger(settings.state_dir / "ledger.db")))
        verifier = stack.enter_context(
            closing(ChunkVerifier(settings.state_dir, settings.provenance))
        )
        yield _Work(
            withdrawal=Withdrawal(opened_store.store, ledger, verifier),
            store=opened_store.store,
            events=opened_store.events,
            tenant=TenantId(tenant),
            source=source,
        )
