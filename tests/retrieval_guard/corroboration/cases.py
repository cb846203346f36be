"""Candidates for corroboration, written in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ragbastion.core.settings_retrieval import RetrievalSettings
from ragbastion.retrieval_guard import CollectionFacts, Corroborated, Standing, corroborate

NOW = 400 * 86_400.0
OLD, NEW = 0.0, NOW - 3_600.0
FACTS = CollectionFacts(now=NOW, founded=0.0, established=9, sources=9)
QUERY = "Which city hosted the fair?"


@dataclass(frozen=True)
class Case:
    """A candidate; without a vector it is like no other."""

    source: str
    text: str = ""
    score: float = 0.5
    opened: float = OLD
    vector: Sequence[float] | None = None
    more: dict[str, Any] = field(default_factory=dict)


def heard(
    cases: Sequence[Case],
    *,
    query: str = QUERY,
    limit: int = 5,
    facts: CollectionFacts = FACTS,
    **settings: Any,
) -> Corroborated:
    """Corroborate cases."""
    width = len(cases) + 2
    rows = np.zeros((len(cases), width))
    for at, case in enumerate(cases):
        if case.vector is None:
            rows[at, at + 2] = 1
        else:
            rows[at, : len(case.vector)] = case.vector
    return corroborate(
        query,
        [case.text or f"Passage number {at} of {case.source}." for at, case in enumerate(cases)],
        rows,
        [case.score for case in cases],
        [Standing(case.source, opened_at=case.opened, **case.more) for case in cases],
        limit=limit,
        settings=RetrievalSettings(**settings),
        facts=facts,
    )


def served(cases: Sequence[Case], **options: Any) -> list[int]:
    """Return the indices that are served."""
    return list(heard(cases, **options).chosen)


def towards(angle: float) -> list[float]:
    """Return a unit vector of the plane."""
    return [float(np.cos(angle)), float(np.sin(angle))]
