"""The adapter of our own retrieval: corroboration, fetching deeper as the guard does.

What the guard does beside it (proofs, policies, redaction) drops none of these passages.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.settings_retrieval import RetrievalSettings
from ...retrieval_guard.corroboration import CollectionFacts, Corroborator, Standing
from .contexts import Choice, Pool
from .world import TODAY, Party

_SECONDS_A_DAY = 86_400.0


class OwnRetrieval:
    """Chooses as `RetrievalGuard` does, on the day of the attack."""

    def __init__(self, settings: RetrievalSettings | None = None) -> None:
        self._settings = settings or RetrievalSettings()

    def __call__(self, pool: Pool, limit: int) -> Choice:
        """Fetch deeper until the context is full, as the funnel does."""
        corroborate = Corroborator(
            pool.question,
            limit=limit,
            settings=self._settings,
            facts=CollectionFacts(now=TODAY * _SECONDS_A_DAY, founded=0.0),
        )
        most = min(len(pool), max(limit, self._settings.max_candidates))
        fetched = min(limit * self._settings.over_fetch, most)
        while True:
            seen = pool.first(fetched)
            said = corroborate(
                seen.texts,
                seen.vectors,
                seen.scores,
                [_standing(pool, at) for at in range(fetched)],
            )
            if said.filled(limit) or fetched >= most:
                break
            fetched = min(2 * fetched, most)

        def certified(bad: Sequence[Party]) -> int:
            new = {party.name for party in bad if party.in_probation(TODAY)}
            aged = {party.name for party in bad} - new
            return said.certificate.bound(established=len(aged), new=len(new))

        return Choice(places=said.chosen, certified=certified)


def _standing(pool: Pool, at: int) -> Standing:
    party = pool.parties[at]
    return Standing(
        party.name,
        opened_at=party.opened * _SECONDS_A_DAY,
        vouched=party.vouched,
        signals=pool.signals[at],
    )
