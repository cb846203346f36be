"""The steps of one retrieval in their order, and how candidates that fall away are replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.store import CollectionInfo, Hit
from ..policies import SessionFacts
from ..tenancy import TenantContext
from .corroboration import compared, select
from .joins import JoinScan
from .layers import Layers
from .passage import Outcome, Passage
from .permission import Permission
from .redaction import Redaction
from .results import Dropped
from .stripping import Stripping
from .verification import Verification

Search = Callable[[int], Sequence[Hit]]
"""Returns the best hits for the query, as many as asked for if there are so many, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The checks of a guard; they hold no state of any one retrieval."""

    verification: Verification
    permission: Permission
    stripping: Stripping
    redaction: Redaction
    joins: JoinScan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One retrieval: who asks what of which collection, and how much of it may be served.

    ``fetch`` candidates are asked for first and ``max_candidates`` at most. ``sources`` counts the
    tenant's registered sources of the collection; ``source_cap`` is None where that is one.
    """

    query: str
    context: TenantContext
    collection: CollectionInfo
    session: SessionFacts
    limit: int
    sources: int
    source_cap: int | None
    fetch: int
    max_candidates: int


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
        self._unchosen: tuple[Dropped, ...] = ()

    def serve(self, search: Search) -> tuple[Passage, ...]:
        """Fetch, check and choose until enough passages are ready or no candidate is left."""
        fetched = self._ask.fetch
        while True:
            with self._layers.timed("search"):
                hits = search(fetched)
            self._admit(hits)
            served, filled = self._choose()
            if filled or len(hits) < fetched or fetched >= self._ask.max_candidates:
                return self._masked(served)
            fetched = min(2 * fetched, self._ask.max_candidates)

    def _admit(self, hits: Sequence[Hit]) -> None:
        """Verify new hits and ask the policy; those that pass become candidates."""
        fresh = [hit for hit in hits if hit.point.id not in self._seen]
        self._seen.update(hit.point.id for hit in fresh)
        ask = self._ask
        with self._layers.guarded("verify"):
            verified = self._steps.verification(fresh, ask.context.tenant, ask.collection)
        with self._layers.guarded("policy"):
            allowed = self._steps.permission(self._kept(verified), ask.context, ask.session)
        with self._layers.guarded("corroborate"):
            for passage in self._kept(allowed):
                self._passages[passage.chunk.id] = compared(passage, ask.query)

    def _choose(self) -> tuple[tuple[Passage, ...], bool]:
        """Choose among the candidates; one that turns out empty or hostile makes room."""
        while True:
            with self._layers.guarded("corroborate"):
                selection = select(
                    list(self._passages.values()),
                    limit=self._ask.limit,
                    source_cap=self._ask.source_cap,
                )
            before = len(self._passages)
            served = self._joined(self._prepared(selection.chosen))
            if len(self._passages) == before:
                break
        # Kept apart: what this selection leaves out may be chosen among deeper candidates.
        self._unchosen = selection.dropped
        return served, selection.filled(self._ask.limit)

    def left_out(self) -> tuple[Dropped, ...]:
        """Return every candidate that was dropped, and by which step."""
        return (*self._dropped.values(), *self._unchosen)

    def _prepared(self, chosen: Sequence[Passage]) -> list[Passage]:
        """Strip the chosen passages, each once."""
        fresh = [passage for passage in chosen if passage.chunk.id not in self._ready]
        with self._layers.guarded("strip"):
            stripped = [self._steps.stripping(passage) for passage in fresh]
        self._ready.update({passage.chunk.id: passage for passage in self._kept(stripped)})
        return [self._ready[p.chunk.id] for p in chosen if p.chunk.id in self._passages]

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
