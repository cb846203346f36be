"""The guard over search results: verify, permit, corroborate, strip, redact, assemble.

Works on any search that returns hits; `Guard` gives it one over the store.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING

from ..core.chunk import Integrity, lowest_integrity
from ..core.errors import CredentialError, LimitError, UsageError
from ..core.events import EventSink
from ..core.settings import Settings
from ..core.store import CollectionInfo, Hit
from ..core.verdict import Decision, Finding, Severity, Verdict, merge_verdicts
from ..ingest.provenance import ChunkVerifier
from ..policies import PolicyEngine, SessionStore
from ..tenancy import TenantContext
from .assembly import assemble, new_nonce
from .funnel import NOTHING_SERVED, Ask, Funnel, Search, SearchAmong, Steps
from .joins import JoinScan
from .layers import Layers, StepFailedError
from .passage import Passage
from .permission import STEP as POLICY_STEP
from .permission import Permission
from .record import record_retrieval
from .redaction import Redaction
from .results import Dropped, Retrieval
from .standings import Standings
from .stripping import Stripping
from .verification import LABEL_STEP, Verification
from .verification import STEP as VERIFY_STEP

if TYPE_CHECKING:
    from ..ingest.scanner import Scanner
    from ..pii import Redactor

MAX_LIMIT = 200
MAX_QUERY_CHARS = 10_000

_ALARMING = {VERIFY_STEP: Severity.HIGH, LABEL_STEP: Severity.HIGH, POLICY_STEP: Severity.MEDIUM,
             "strip": Severity.HIGH, "joins": Severity.HIGH}  # fmt: skip
_WITHHELD = frozenset({LABEL_STEP, POLICY_STEP})
"""Steps that drop what the reader may not know to exist."""


class RetrievalGuard:
    """Turns hits into a context that may be put before a model.

    Fails closed: if a step raises, the answer is empty, its decision BLOCK, and the reason names
    the step. Safe to share between threads.
    """

    def __init__(
        self,
        *,
        scanner: Scanner,
        verifier: ChunkVerifier,
        redactor: Redactor,
        policy: PolicyEngine,
        sessions: SessionStore,
        events: EventSink,
        settings: Settings | None = None,
    ) -> None:
        chosen = settings or Settings()
        self._settings = chosen.retrieval
        self._sessions = sessions
        self._events = events
        self._steps = Steps(
            standings=Standings(verifier, self._settings),
            verification=Verification(verifier, self._settings.min_integrity),
            permission=Permission(policy),
            stripping=Stripping(scanner, self._settings.strip_threshold),
            redaction=Redaction(redactor, chosen.pii.retrieval_entities),
            joins=JoinScan(scanner, self._settings.strip_threshold),
        )

    def guard(
        self,
        query: str,
        hits: Sequence[Hit],
        context: TenantContext,
        collection: CollectionInfo,
        *,
        limit: int | None = None,
    ) -> Retrieval:
        """Guard hits that a search has returned; more hits than ``limit`` allow replacement.

        Raises `UsageError` for an empty query, a wrong limit and what are no hits,
        `CredentialError` for an expired context.
        """
        ranked = _ranked(hits)
        return self.retrieve(query, lambda n: ranked[:n], context, collection, limit=limit)

    def retrieve(
        self,
        query: str,
        search: Search,
        context: TenantContext,
        collection: CollectionInfo,
        *,
        limit: int | None = None,
        layers: Layers | None = None,
        among: SearchAmong | None = None,
    ) -> Retrieval:
        """Guard a search, asking it for more hits as candidates fall away.

        ``among`` searches some sources only, for those that a flood of others' passages hides. What
        a search raises passes to the caller; errors as in `guard`.
        """
        require_context(context, self._events)
        require_query(query)
        layers = layers or Layers()
        with layers.timed("session"):
            ask = self._ask(query, context, collection, self._limit(limit))
        funnel = Funnel(ask, self._steps, layers)
        try:
            retrieval = _answer(funnel, funnel.serve(search, among), layers)
        except StepFailedError as failure:
            retrieval = _refusal(failure, layers)
        record_retrieval(retrieval, ask, funnel.left_out(), self._events, self._sessions)
        return retrieval

    def _ask(
        self, query: str, context: TenantContext, collection: CollectionInfo, limit: int
    ) -> Ask:
        settings = self._settings
        return Ask(
            query=query,
            context=context,
            collection=collection,
            session=self._sessions.facts(context.tenant, context.principal, context.session),
            limit=limit,
            settings=settings,
            fetch=min(limit * settings.over_fetch, max(limit, settings.max_candidates)),
            max_candidates=max(limit, settings.max_candidates),
        )

    def _limit(self, limit: int | None) -> int:
        wanted = self._settings.top_k if limit is None else limit
        if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= MAX_LIMIT:
            raise UsageError(f"limit must be an integer from 1 to {MAX_LIMIT}")
        return wanted


def require_type(context: object) -> None:
    """Raise `UsageError` for what is no context."""
    if not isinstance(context, TenantContext):
        raise UsageError(f"a TenantContext is needed, not {type(context).__name__}")


def require_context(context: TenantContext, events: EventSink) -> None:
    """Raise `UsageError` for what is no context, `CredentialError` for one that has ended.

    One that has expired or whose credential was revoked is reported.
    """
    require_type(context)
    try:
        context.require_active()
    except CredentialError as error:
        events.emit(
            context.event(
                "identity.refused",
                "refused",
                subject="context",
                detail={"reason": str(error)},
            )
        )
        raise


def require_query(query: str) -> None:
    """Raise `UsageError` for a query without text, `LimitError` for one that is too long."""
    if not isinstance(query, str) or not query.strip():
        raise UsageError("query refused: it is empty; ask something")
    if len(query) > MAX_QUERY_CHARS:
        raise LimitError(
            f"query refused: {len(query)} characters, at most {MAX_QUERY_CHARS}; shorten it"
        )


def _answer(funnel: Funnel, passages: Sequence[Passage], layers: Layers) -> Retrieval:
    left_out = funnel.left_out()
    with layers.guarded("assemble"):
        nonce = new_nonce(passages)
        context = assemble(passages, nonce)
        disputes = funnel.disputes()
    verdict = merge_verdicts(
        [*(passage.verdict for passage in passages), _drop_verdict(left_out), layers.verdict()]
    )
    return Retrieval(
        answer_id=uuid.uuid4().hex,
        context=context,
        chunks=tuple(passage.served() for passage in passages),
        verdict=verdict,
        integrity=lowest_integrity(passage.chunk.integrity for passage in passages),
        certificate=funnel.certificate(),
        conflicts=disputes,
        dropped=_shown(left_out),
        ms=layers.total_ms(),
        nonce=nonce,
    )


def _ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Return hits, best first; those whose score is no number last, for verification to drop."""
    if not isinstance(hits, Iterable):
        raise UsageError("hits refused: give a list of what a search has returned")
    given = list(hits)
    # Real, since a search of one's own scores in float32.
    if not all(isinstance(hit, Hit) and isinstance(hit.score, Real) for hit in given):
        raise UsageError("hits refused: give Hit objects, each with a number as its score")
    return sorted(given, key=lambda hit: (math.isnan(hit.score), -hit.score))


def _refusal(failure: StepFailedError, layers: Layers) -> Retrieval:
    finding = Finding(
        kind="guard_failure", detector=failure.step, score=1.0, severity=Severity.CRITICAL
    )
    refused = Verdict(decision=Decision.BLOCK, findings=(finding,), reasons=(str(failure),))
    return Retrieval(
        answer_id=uuid.uuid4().hex,
        context="",
        chunks=(),
        verdict=refused.merge(layers.verdict()),
        integrity=Integrity.UNVERIFIED,
        certificate=NOTHING_SERVED,
        ms=layers.total_ms(),
    )


def _shown(left_out: Sequence[Dropped]) -> tuple[Dropped, ...]:
    return tuple(each.withheld() if each.step in _WITHHELD else each for each in left_out)


def _drop_verdict(left_out: Sequence[Dropped]) -> Verdict:
    """Flag what was dropped for more than its rank; caps and duplicates are everyday work."""
    alarming = [dropped for dropped in _shown(left_out) if dropped.step in _ALARMING]
    if not alarming:
        return Verdict.allow()
    findings = tuple(
        Finding(
            kind=f"dropped_by_{dropped.step}",
            detector=dropped.step,
            score=1.0,
            severity=_ALARMING[dropped.step],
            evidence=dropped.id,
        )
        for dropped in alarming
    )
    reasons = tuple(f"{dropped.step}: {dropped.reason}" for dropped in alarming)
    return Verdict(decision=Decision.FLAG, findings=findings, reasons=reasons)
