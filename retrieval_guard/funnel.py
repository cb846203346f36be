"""The steps of one retrieval in their order, and how candidates that fall away are replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..core.settings_retrieval import RetrievalSettings
from ..core.store import CollectionInfo, Hit
from ..policies import SessionFacts
from ..tenancy import TenantContext
from .candidate_pool import CandidatePool
from .certificate import Certificate
from .corroboration import Corroborator
from .crowd import MAX_ROUNDS, Crowd, depths
from .joins import JoinScan
from .layers import Layers
from .passage import Outcome, Passage
from .permission import Permission
from .redaction import Redaction
from .results import Dispute, Dropped
from .standings import Standings
from .stripping import Stripping
from .verification import Verification

Search = Callable[[int], Sequence[Hit]]
"""Returns the best hits for the query, as many as asked for if there are so many, best first."""

SearchAmong = Callable[[frozenset[str], int], Sequence[Hit]]
"""Returns what `Search` does of the points that claim one of these sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The checks of a guard; they hold no state of any one retrieval."""

    verification: Verification
    standings: Standings
    permission: Permission
    stripping: Stripping
    redaction: Redaction
    joins: JoinScan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One retrieval: who asks what of which collection, and how much of it may be served.

    ``fetch`` candidates are asked for first and ``max_candidates`` at most.
    """

    query: str
    context: TenantContext
    collection: CollectionInfo
    session: SessionFacts
    limit: int
    settings: RetrievalSettings
    fetch: int
    max_candidates: int


NOTHING_SERVED = Certificate(k=0, source_cap=None, sources=0)


class Funnel:
    """Narrows candidates to what may be served; made for one retrieval.

    - INVARIANT: a passage is served only after every step saw it; the scans see it before anything
      is masked, since an order to mail a file reads harmless without the address.
    - INVARIANT: whatever a step raises ends the retrieval (`StepFailedError`).
    """

    def __init__(self, ask: Ask, steps: Steps, layers: Layers) -> None:
        self._ask = ask
        self._steps = steps
        self._layers = layers
        self._seen: set[str] = set()
        self._passages: dict[str, Passage] = {}
        self._ready: dict[str, Passage] = {}
        self._dropped: dict[str, Dropped] = {}
        self._pool: CandidatePool | None = None
        self._served: tuple[Passage, ...] = ()

    def serve(self, search: Search, among: SearchAmong | None = None) -> tuple[Passage, ...]:
        """Fetch, check and choose until enough passages are ready or no candidate is left.

        With ``among`` those that others crowd out are searched for apart.
        """
        with self._layers.guarded("corroborate"):
            pool = self._pool = self._opened()
            crowd = self._crowd() if among is not None else None
        ended = self._fetched(search, pool, crowd)
        if not ended and among is not None and crowd is not None:
            self._fetch_among(among, pool, crowd)
        self._served = self._masked(self._served)
        return self._served

    def _fetch_among(self, among: SearchAmong, pool: CandidatePool, crowd: Crowd) -> None:
        """Fetch passages of established sources that others crowd out."""
        for again in range(MAX_ROUNDS):
            # Nobody is left out for being loud before the others were asked for at all.
            names = crowd.unheard(pool.full_sources(), loud=not again)
            if not names or self._fetched(partial(among, names), pool, crowd, among_known=True):
                return

    def _fetched(
        self, search: Search, pool: CandidatePool, crowd: Crowd | None, *, among_known: bool = False
    ) -> bool:
        """Fetch deeper and deeper; tell whether the answer is full or nothing lies deeper."""
        for wanted in depths(self._ask.fetch, self._ask.max_candidates):
            with self._layers.timed("search"):
                hits = search(wanted)
            self._admit(hits, crowd)
            self._served = self._choose(pool)
            if pool.said.filled(self._ask.limit) or len(hits) < wanted:
                return True
            # Whoever nobody knows has had a hearing; the rest of his passages cost as much.
            if crowd is not None and not among_known and crowd.is_strange:
                return False
        return False

    def _crowd(self) -> Crowd:
        ask = self._ask
        known = self._steps.standings.established(ask.context.tenant, ask.collection.uid)
        return Crowd(known, ask.fetch)

    def _admit(self, hits: Sequence[Hit], crowd: Crowd | None) -> None:
        """Verify new hits and ask the policy; those that pass become candidates."""
        fresh = [hit for hit in hits if hit.point.id not in self._seen]
        self._seen.update(hit.point.id for hit in fresh)
        if crowd is not None:
            crowd.note(fresh)
        ask = self._ask
        with self._layers.guarded("verify"):
            verified = self._steps.verification(fresh, ask.context.tenant, ask.collection)
        with self._layers.guarded("policy"):
            allowed = self._steps.permission(self._kept(verified), ask.context, ask.session)
        with self._layers.timed("corroborate"):
            self._passages.update({each.chunk.id: each for each in self._kept(allowed)})

    def _opened(self) -> CandidatePool:
        ask, standings = self._ask, self._steps.standings
        corroborator = Corroborator(
            ask.query,
            limit=ask.limit,
            settings=ask.settings,
            facts=standings.facts(ask.context.tenant, ask.collection.uid),
        )
        return CandidatePool(corroborator, standings)

    def _choose(self, pool: CandidatePool) -> tuple[Passage, ...]:
        """Choose among the candidates; one that turns out empty or hostile makes room."""
        while True:
            with self._layers.guarded("corroborate"):
                chosen = pool.choose(list(self._passages.values()))
            before = len(self._passages)
            served = self._joined(self._prepared(chosen))
            # INVARIANT: what is served is what was chosen last, of which the certificate speaks.
            if len(self._passages) == before:
                return served

    def left_out(self) -> tuple[Dropped, ...]:
        """Return every candidate that was dropped, and by which step."""
        # Kept apart: what one choice leaves out may be chosen among deeper candidates.
        unchosen = self._pool.dropped() if self._pool is not None else ()
        return (*self._dropped.values(), *unchosen)

    def certificate(self) -> Certificate:
        """Return the certificate of what was served."""
        if self._pool is None or not self._served:
            return NOTHING_SERVED
        return self._pool.said.certificate

    def disputes(self) -> tuple[Dispute, ...]:
        """Return on what voices disagree where one of them is served."""
        return self._pool.disputes(self._served) if self._pool is not None else ()

    def _prepared(self, chosen: Sequence[Passage]) -> list[Passage]:
        """Strip the chosen passages, each once."""
        fresh = [passage for passage in chosen if passage.chunk.id not in self._ready]
        with self._layers.guarded("strip"):
            stripped = [self._steps.stripping(passage) for passage in fresh]
        self._ready.update({passage.chunk.id: passage for passage in self._kept(stripped)})
        return [
            replace(self._ready[each.chunk.id], support=each.support, marks=each.marks)
            for each in chosen
            if each.chunk.id in self._passages
        ]

    def _joined(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        with self._layers.guarded("joins"):
            joined = self._steps.joins(passages)
        self._kept(joined.dropped)
        return joined.passages

    def _masked(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        with self._layers.guarded("redact"):
            return tuple(self._steps.redaction(passages))

    def _kept(self, outcomes: Sequence[Outcome]) -> list[Passage]:
        """Record what was dropped and return the rest."""
        kept: list[Passage] = []
        for outcome in outcomes:
            if isinstance(outcome, Dropped):
                self._dropped[outcome.id] = outcome
                self._passages.pop(outcome.id, None)
            else:
                kept.append(outcome)
        return kept
