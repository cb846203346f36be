"""What a query has to choose from, and the one-method protocol of whatever chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix, Vector
from .world import Party

CONTEXT, DEEP = 5, 10
"""Passages of a context, and of the deeper one in which gold is counted."""
DEPTH = 400
"""Candidates at most, as `RetrievalSettings.max_candidates`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Candidates for a question, best first: everything that a chooser may know, n each.

    ``vectors`` is (n, d), ``scores`` the cosine to the query; ``signals`` are what ingestion left
    on each passage.
    """

    question: str
    query: Vector
    texts: Sequence[str]
    vectors: Matrix
    scores: NDArray[np.float32]
    parties: Sequence[Party]
    signals: Sequence[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.texts)

    def first(self, count: int) -> Pool:
        """Return the best candidates only."""
        return Pool(
            question=self.question,
            query=self.query,
            texts=self.texts[:count],
            vectors=self.vectors[:count],
            scores=self.scores[:count],
            parties=self.parties[:count],
            signals=self.signals[:count],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Places in the pool, best first, and what is certified of them.

    ``certified`` returns how many of the places sources like the given ones have written at most;
    None: nothing is certified.
    """

    places: tuple[int, ...]
    certified: Callable[[Sequence[Party]], int] | None = None


class Chooser(Protocol):
    """Makes a context out of candidates."""

    def __call__(self, pool: Pool, limit: int) -> Choice:
        """Choose up to ``limit`` passages."""
        ...
