"""Which passages of several documents say one thing, and bring no name or number of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_

import numpy as np
from numpy.typing import NDArray

from .recent import Passage

CORE_COSINE, CORE_OVERLAP = 0.7, 0.25
JOINED_COSINE, JOINED_OVERLAP = 0.65, 0.2
"""Of those that say the same, and of who stands beside two that do."""

VERBATIM = 0.85
"""From this overlap on passages that differ in a fact are records of one form, not rewrites."""

LEAST_WORDS = 8
"""Content words of a passage that can be a rewrite of another; less is a heading or a record."""

_MOST_TOLD = 32
"""Like documents that are counted: a flood of rewrites is not compared in full to say how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From how many others like it a passage is of a burst, and what it may have of its own.

    ``words`` are content words that none of the others has, ``joined_facts`` names and numbers of
    who stands beside a burst; one in it has none. ``longest`` is its length in content words.
    """

    likes: int
    joined_facts: int
    words: int
    longest: int = 48


NEW = Limits(likes=2, joined_facts=2, words=12)
"""For sources in probation together. Chosen on half of PoisonedRAG's questions and of the persons
that web pages are about, by hash; .93 and 0 of the other half are held, and no item of a news
burst, each of which brings a number or a name."""

ESTABLISHED = Limits(likes=3, joined_facts=1, words=9)
"""For one established source, which retrieval counts as one voice whatever it repeats."""


class Group:
    """Passages of one ring, compared with each other."""

    def __init__(self, passages: Sequence[Passage], limits: Limits) -> None:
        self._passages = passages
        self._limits = limits
        # Asked of few: the ring is long, and most of it is near nothing that came.
        self._known: dict[int, tuple[int, ...]] = {}
        self._rows: dict[int, NDArray[np.float32]] = {}
        # Sets as bits of one number: a flood is compared half a million times a batch.
        self._sets: dict[int, tuple[int, int]] = {}
        self._places: dict[int, int] = {}
        fits = len({len(passage.vector) for passage in passages}) == 1
        rows = [passage.vector for passage in passages] if fits else [np.zeros(1)] * len(passages)
        self._matrix = np.array(rows, dtype=np.float32)
        self._sizes = [len(passage.content.words) for passage in passages]

    def bursts(self, own: int, *, back: bool = False) -> dict[int, int]:
        """Return, for the first ``own`` passages that are of a burst, how many they are like.

        With ``back`` also for the others that one of the first stands beside.
        """
        found: dict[int, int] = {}
        self._rows.update(enumerate(self._matrix[:own] @ self._matrix.T))
        for at in [*range(own), *(self._touched(own) if back else ())]:
            if likes := self._likes(at):
                # One that stands alone in this is a short report among long ones.
                if any(map(self._likes, self._alike(at))):
                    found[at] = len(likes)
            elif count := self._joins(at):
                found[at] = count
        return found

    def _joins(self, at: int) -> int:
        """Return how many those are like that a passage stands beside; 0 if it is not of them."""
        near = np.flatnonzero(self._cosines(at) >= JOINED_COSINE).tolist()
        beside = [other for other in near if self._likes(other) and self._is_joined(at, other)]
        enough = len({self._passages[other].document for other in beside}) >= 2
        few = enough and self._own_facts(at, beside) <= self._limits.joined_facts
        if not few or not self._is_short(at, beside):
            return 0
        return max(len(self._likes(other)) for other in beside)

    def _touched(self, own: int) -> list[int]:
        """Return the passages after the first ``own`` that one of those stands beside."""
        pairs = (
            (at, other)
            for other in range(own)
            for at in (own + np.flatnonzero(self._cosines(other)[own:] >= JOINED_COSINE)).tolist()
        )
        return sorted({at for at, other in pairs if self._is_joined(other, at)})

    def _likes(self, at: int) -> tuple[int, ...]:
        if at not in self._known:
            self._known[at] = self._found_likes(at)
        return self._known[at]

    def _found_likes(self, at: int) -> tuple[int, ...]:
        """Return a passage each of up to 32 documents that this one is like, if they are enough."""
        # Too short or too long for a burst: not compared, so that a flood of it costs nothing.
        if not LEAST_WORDS <= self._sizes[at] <= self._limits.longest:
            return ()
        found = self._alike(at)
        nearest = list(islice(found, self._limits.likes))
        if len(nearest) < self._limits.likes or self._own_facts(at, nearest):
            return ()
        if not self._is_short(at, nearest):
            return ()
        return (*nearest, *islice(found, _MOST_TOLD - len(nearest)))

    def _alike(self, at: int) -> Iterator[int]:
        """Yield the passages that say the same, nearest first and one a document.

        Most passages are told apart by the first few: a flood of reports is never compared in full.
        """
        this = self._passages[at]
        near = np.flatnonzero(self._cosines(at) >= CORE_COSINE)
        known = {this.document}
        for other in near[np.argsort(-self._cosines(at)[near])].tolist():
            that = self._passages[other]
            if that.document in known or self._sizes[other] < LEAST_WORDS:
                continue
            if self._says_the_same(at, other):
                known.add(that.document)
                yield other

    def _says_the_same(self, at: int, other: int) -> bool:
        """Tell whether two passages share their words, and are not two records of one form."""
        overlap = self._overlap(at, other)
        if overlap < CORE_OVERLAP:
            return False
        (words, facts), (others, their_facts) = self._bits(at), self._bits(other)
        return overlap < VERBATIM or not (facts & ~others) | (their_facts & ~words)

    def _overlap(self, at: int, other: int) -> float:
        """Return the share of the shorter one's words that both have, as `Content.overlap`."""
        least = min(self._sizes[at], self._sizes[other])
        shared = self._bits(at)[0] & self._bits(other)[0]
        return shared.bit_count() / least if least else 0.0

    def _is_joined(self, at: int, other: int) -> bool:
        this, that = self._passages[at], self._passages[other]
        return (
            this.document != that.document
            and self._cosines(at)[other] >= JOINED_COSINE
            and self._overlap(at, other) >= JOINED_OVERLAP
        )

    def _own_facts(self, at: int, others: Sequence[int]) -> int:
        return (self._bits(at)[1] & ~self._said(others)).bit_count()

    def _is_short(self, at: int, others: Sequence[int]) -> bool:
        """Tell whether a passage is short and has few words that none of the others has."""
        if self._sizes[at] > self._limits.longest:
            return False
        return (self._bits(at)[0] & ~self._said(others)).bit_count() <= self._limits.words

    def _said(self, others: Sequence[int]) -> int:
        return reduce(or_, (self._bits(other)[0] for other in others), 0)

    def _cosines(self, at: int) -> NDArray[np.float32]:
        if at not in self._rows:
            self._rows[at] = self._matrix @ self._matrix[at]
        return self._rows[at]

    def _bits(self, at: int) -> tuple[int, int]:
        """Return a passage's words, and its facts, as a number each with a bit for each of them."""
        if at not in self._sets:
            content = self._passages[at].content
            self._sets[at] = self._number(content.words), self._number(content.facts)
        return self._sets[at]

    def _number(self, words: frozenset[int]) -> int:
        places = self._places
        return reduce(or_, (1 << places.setdefault(word, len(places)) for word in words), 0)
