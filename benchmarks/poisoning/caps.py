"""The plain baselines at retrieval: nothing at all, a cap on sources, a cap on near duplicates."""

from __future__ import annotations

from collections import Counter

from .contexts import CONTEXT, Choice, Pool

SOURCE_CAP = 1
"""Passages of one source among `CONTEXT`; twice as many among twice as many."""
NEAR_COSINE = 0.9
"""From here two passages are near duplicates, and only the better one is served."""


def no_guard(pool: Pool, limit: int) -> Choice:
    """Serve the best."""
    return Choice(places=tuple(range(min(limit, len(pool)))))


def source_cap(pool: Pool, limit: int) -> Choice:
    """Serve the best, of each source so many at most."""
    cap = max(1, SOURCE_CAP * limit // CONTEXT)
    used: Counter[str] = Counter()
    chosen: list[int] = []
    for at, party in enumerate(pool.parties):
        if len(chosen) < limit and used[party.name] < cap:
            used[party.name] += 1
            chosen.append(at)
    return Choice(
        places=tuple(chosen),
        certified=lambda bad: min(len(chosen), cap * len({party.name for party in bad})),
    )


def near_duplicate_cap(pool: Pool, limit: int) -> Choice:
    """Serve the best, of near duplicates only one."""
    chosen: list[int] = []
    for at in range(len(pool)):
        if len(chosen) == limit:
            break
        near = pool.vectors[chosen] @ pool.vectors[at] if chosen else ()
        if all(each < NEAR_COSINE for each in near):
            chosen.append(at)
    return Choice(places=tuple(chosen))
