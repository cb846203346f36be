"""The stored passages as arrays: who ranks where for a question, with and without poison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix, Vector
from .contexts import DEEP, DEPTH, Pool
from .screening import Ruling
from .world import Doc, World

Gate = Callable[[Ruling], bool]
"""Tells whether a ruling keeps a document out of the collection."""

NONE: Mapping[str, Ruling] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A document of the attacker that reached ingestion, and what became of it there."""

    doc: Doc
    vector: Vector
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """A pool, and what the choosers are not told: ids and which candidates are poison, n each."""

    pool: Pool
    docs: Sequence[Doc]

    @property
    def poison(self) -> NDArray[np.bool_]:
        """Which candidates are poison."""
        return np.array([doc.poison for doc in self.docs], dtype=np.bool_)


class Collection:
    """Clean passages with exact search; poison is added to the candidates of one question."""

    def __init__(self, world: World, vectors: Matrix, rulings: Sequence[Ruling]) -> None:
        self.world = world
        self._vectors = vectors
        self._rulings = rulings
        self._signals = [ruling.signals for ruling in rulings]
        self._ranked: dict[str, NDArray[np.intp]] = {}

    def candidates(
        self,
        question: str,
        query: Vector,
        gate: Gate,
        planted: Sequence[Planted] = (),
        taken: Mapping[str, Ruling] = NONE,
    ) -> Candidates:
        """Return what the gate let in, best first; ``taken`` back are rulings by id."""
        places = [
            at
            for at in self._ranking(question, query)
            if not gate(taken.get(self.world.docs[at].id, self._rulings[at]))
        ]
        stored = [each for each in planted if not gate(each.ruling)]
        docs = [each.doc for each in stored] + [self.world.docs[at] for at in places]
        signals = [each.ruling.signals for each in stored] + [self._signals[at] for at in places]
        vectors = np.concatenate(
            [np.array([e.vector for e in stored]).reshape(-1, len(query)), self._vectors[places]]
        ).astype(np.float32)
        scores = vectors @ query
        # Stable, and poison stands first: a tie goes to the attacker.
        order = np.argsort(-scores, kind="stable")[:DEPTH]
        pool = Pool(
            question=question,
            query=query,
            texts=[docs[at].text for at in order],
            vectors=vectors[order],
            scores=scores[order],
            parties=[docs[at].party for at in order],
            signals=[signals[at] for at in order],
        )
        return Candidates(pool=pool, docs=[docs[at] for at in order])

    def clean_top(self, question: str, query: Vector) -> list[str]:
        """Return the ids of the unguarded clean top ten."""
        return [self.world.docs[at].id for at in self._ranking(question, query)[:DEEP]]

    def gold_of(self, question: str, query: Vector, gold: Mapping[str, frozenset[str]]) -> set[str]:
        """Return the gold passages among the unguarded clean top ten."""
        return set(gold.get(question, ())) & set(self.clean_top(question, query))

    def _ranking(self, question: str, query: Vector) -> NDArray[np.intp]:
        if question not in self._ranked:
            scores = self._vectors @ query
            best = np.argpartition(-scores, min(DEPTH, len(scores)) - 1)[:DEPTH]
            self._ranked[question] = best[np.argsort(-scores[best], kind="stable")]
        return self._ranked[question]
