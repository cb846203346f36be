"""The passages of one retrieval as corroboration compares them, and what it says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..core.chunk import ChunkId, Matrix, Vector
from .corroboration import Conflict, Corroborated, Corroborator
from .corroboration.reading import Reading, read
from .passage import Passage
from .results import Dispute, Dropped, Statement
from .standings import Standings


class CandidatePool:
    """Corroborates a growing list of verified passages; keeps what it said last."""

    def __init__(self, corroborator: Corroborator, standings: Standings) -> None:
        self._corroborator = corroborator
        self._standings = standings
        self._passages: Sequence[Passage] = ()
        self.said = self._corroborated()

    def choose(self, passages: Sequence[Passage]) -> list[Passage]:
        """Return those that are heard, best first, with their voice, support and marks."""
        self._passages = passages
        self.said = self._corroborated()
        return [
            replace(
                passages[each.index],
                voice=str(each.voice),
                support=each.support,
                marks=each.marks,
            )
            for each in self.said.passages
        ]

    def full_sources(self) -> frozenset[str]:
        """Return the established sources whose voice has given all that it may."""
        cap = self._corroborator.caps().established
        # An echo counts for nothing: a better passage of its voice would take its place.
        heard = [each for each in self.said.passages if "echo" not in each.marks]
        given = Counter(each.voice for each in heard if each.voice.established)
        return frozenset(
            self._passages[each.index].chunk.source
            for each in heard
            if cap is not None and given[each.voice] >= cap
        )

    def dropped(self) -> tuple[Dropped, ...]:
        """Return those that the last choice refused."""
        return tuple(
            self._passages[each.index].dropped(each.step, each.reason) for each in self.said.dropped
        )

    def disputes(self, served: Sequence[Passage]) -> tuple[Dispute, ...]:
        """Return the conflicts that a served passage is part of.

        A value is told only if it stands in the text as it is served, masked and stripped.
        """
        texts = {each.chunk.id: read(each.text) for each in served}
        return tuple(
            Dispute(
                kind=conflict.kind,
                sides=tuple(
                    self._statement(conflict, at, texts) for at in range(len(conflict.sides))
                ),
            )
            for conflict in self.said.conflicts
            if any(self._passages[side.passage].chunk.id in texts for side in conflict.sides)
        )

    def _statement(
        self, conflict: Conflict, at: int, texts: Mapping[ChunkId, Reading]
    ) -> Statement:
        side = conflict.sides[at]
        chunk = self._passages[side.passage].chunk
        reading = texts.get(chunk.id)
        told = reading.values(conflict.kind) if reading is not None else frozenset()
        shown = side.values if conflict.kind == "negation" and reading is not None else ()
        return Statement(
            voice=str(side.voice),
            chunk=chunk.id,
            values=shown or tuple(value for value in side.values if value in told),
        )

    def _corroborated(self) -> Corroborated:
        passages = self._passages
        return self._corroborator(
            [each.chunk.text for each in passages],
            _vectors(passages),
            [each.score for each in passages],
            [self._standings.of(each.chunk) for each in passages],
        )


def _vectors(passages: Sequence[Passage]) -> Matrix:
    """Return vectors (n, d); zeros stand for one that is missing, or no vector of this collection.

    Only a chunk without a proof can have such a one, and such a chunk has no say in the dimension
    where there are others.
    """
    vectors = [_usable(each.chunk.vector) for each in passages]
    proved = [bool(each.envelope) for each in passages]
    sizes = [len(each) for each in vectors]
    dimension = max(
        (n for n, of in zip(sizes, proved, strict=True) if of), default=max(sizes, default=0)
    )
    dimension = dimension or 1
    rows = np.zeros((len(passages), dimension), np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        if len(vector) == dimension:
            row[:] = vector
    return rows


def _usable(vector: Vector | None) -> Vector:
    """Return a vector that can be compared; an empty one for what is none."""
    if vector is None or vector.ndim != 1 or not np.isfinite(vector).all():
        return np.zeros(0, np.float32)
    return vector
