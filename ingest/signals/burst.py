"""A burst of like documents: several that say the same, from one source or from new ones.

Five rewrites of one claim are near each other, share their words, and no one has a name or number
of its own. That last is what sets them apart from five honest reports of one event, each of which
brings facts that the others lack.

What new sources brought before is measured again beside what comes: the first of a burst had
nothing to be compared with. So it comes out alike whether a burst comes in one batch or in many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .content import Content, content_of
from .recent import PROBATION, Passage, RecentPassages, remembered_vector
from .signal import NOTHING, Reading, SignalInput
from .surroundings import Surroundings

CORE_COSINE, CORE_OVERLAP = 0.7, 0.25
JOINED_COSINE, JOINED_OVERLAP = 0.65, 0.2
"""Of those that say the same, and of who stands beside two that do."""

VERBATIM = 0.85
"""From this overlap on passages that differ in a fact are records of one form, not rewrites."""

LEAST_WORDS = 8
"""Content words of a passage that can be a rewrite of another; less is a heading or a record."""

WINDOW_S = 30 * 86_400.0
"""What was brought earlier is compared only as far as it is among the stored neighbours."""

_MOST_TOLD = 32
"""Like documents that are counted: a flood of rewrites is not compared in full to say how many."""

_PIECES = 6
"""Passages of a document that are compared; poison is short, and a book has thousands."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A document that was admitted before and turns out to be of a burst, and the reading.

    ``passages`` are those that are like others.
    """

    source: str
    document: str
    digest: str
    passages: tuple[Passage, ...]
    reading: Reading


class SourceBurst:
    """Like documents of one source, or of sources in probation, in the batch, lately, or stored.

    ``earlier`` are those of sources in probation that the last batch completed a burst of; they may
    have been taken back, replaced or released since, and their sources established.
    """

    name = "source_burst"
    version = "4"
    threshold = 1.0
    decision = Decision.QUARANTINE

    def __init__(self, recent: RecentPassages, surroundings: Surroundings) -> None:
        self._recent = recent
        self._surroundings = surroundings
        self.earlier: tuple[Earlier, ...] = ()

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 for each document of a burst."""
        by_ring: dict[str, list[int]] = defaultdict(list)
        for at, each in enumerate(batch):
            if each.vectors is not None and len(each.vectors):
                by_ring[ring_of(each)].append(at)
        readings = [NOTHING] * len(batch)
        self.earlier = ()
        for ring, places in by_ring.items():
            documents = [batch[at] for at in places]
            own = [passage for each in documents for passage in passages_of(each)]
            passages = [*own, *self._beside(ring, documents, own)]
            group = _Group(passages, NEW if ring == PROBATION else ESTABLISHED)
            found = group.bursts(len(own), back=ring == PROBATION)
            for at in places:
                readings[at] = _reading([found.get(i, 0) for i in _places(own, batch[at])])
            self.earlier += _earlier(passages, found, len(own))
        return readings

    def _beside(
        self, ring: str, documents: Sequence[SignalInput], own: Sequence[Passage]
    ) -> list[Passage]:
        """Return what the ring brought before, as it is remembered and as it is stored."""
        # A clock that ran back makes ages negative: then they count as fresh.
        now = max(each.at for each in documents)
        lately = [p for p in self._recent.of(ring) if now - p.at <= WINDOW_S]
        stored = [p for each in documents for p in self._surroundings.same_ring(each)]
        return _unlike(list({(p.document, p.content): p for p in [*lately, *stored]}.values()), own)


class _Group:
    """Passages of one ring, compared with each other."""

    def __init__(self, passages: Sequence[Passage], limits: Limits) -> None:
        self._passages = passages
        self._limits = limits
        # Asked of few: the ring is long, and most of it is near nothing that came.
        self._known: dict[int, tuple[int, ...]] = {}
        width = {len(passage.vector) for passage in passages}
        fits = len(width) == 1
        rows = [p.vector for p in passages] if fits else []
        matrix = np.stack(rows).astype(np.float32) if rows else np.zeros((len(passages), 1))
        self._cosines = np.asarray(matrix @ matrix.T, dtype=np.float32)
        # Sets as bits of one number: a flood is compared half a million times a batch.
        places: dict[int, int] = {}
        self._words = [_bits(p.content.words, places) for p in passages]
        self._facts = [_bits(p.content.facts, places) for p in passages]
        self._sizes = [len(p.content.words) for p in passages]

    def bursts(self, own: int, *, back: bool = False) -> dict[int, int]:
        """Return, for the first ``own`` passages that are of a burst, how many they are like.

        With ``back`` also for the others that one of the first stands beside.
        """
        found: dict[int, int] = {}
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
        near = np.flatnonzero(self._cosines[at] >= JOINED_COSINE).tolist()
        beside = [other for other in near if self._likes(other) and self._is_joined(at, other)]
        enough = len({self._passages[other].document for other in beside}) >= 2
        few = enough and self._own_facts(at, beside) <= self._limits.joined_facts
        if not few or not self._is_short(at, beside):
            return 0
        return max(len(self._likes(other)) for other in beside)

    def _touched(self, own: int) -> list[int]:
        """Return the passages after the first ``own`` that one of those stands beside."""
        near = np.argwhere(self._cosines[own:, :own] >= JOINED_COSINE)
        return sorted({own + at for at, other in near.tolist() if self._is_joined(own + at, other)})

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
        near = np.flatnonzero(self._cosines[at] >= CORE_COSINE)
        known = {this.document}
        for other in near[np.argsort(-self._cosines[at, near])].tolist():
            that = self._passages[other]
            if that.document in known or self._sizes[other] < LEAST_WORDS:
                continue
            if self._says_the_same(at, other):
                known.add(that.document)
                yield other

    def _says_the_same(self, at: int, other: int) -> bool:
        """Tell whether two passages share their words, and are not two records of one form."""
        return self._overlap(at, other) >= CORE_OVERLAP and not self._are_records(at, other)

    def _are_records(self, at: int, other: int) -> bool:
        """Tell whether two passages are one form, filled in with another name or number."""
        here = self._facts[at] & ~self._words[other]
        there = self._facts[other] & ~self._words[at]
        return bool(here or there) and self._overlap(at, other) >= VERBATIM

    def _overlap(self, at: int, other: int) -> float:
        """Return the share of the shorter one's words that both have, as `Content.overlap`."""
        least = min(self._sizes[at], self._sizes[other])
        return (self._words[at] & self._words[other]).bit_count() / least if least else 0.0

    def _is_joined(self, at: int, other: int) -> bool:
        this, that = self._passages[at], self._passages[other]
        return (
            this.document != that.document
            and self._cosines[at, other] >= JOINED_COSINE
            and self._overlap(at, other) >= JOINED_OVERLAP
        )

    def _own_facts(self, at: int, others: Sequence[int]) -> int:
        return (self._facts[at] & ~self._said(others)).bit_count()

    def _is_short(self, at: int, others: Sequence[int]) -> bool:
        """Tell whether a passage is short and has few words that none of the others has."""
        if self._sizes[at] > self._limits.longest:
            return False
        return (self._words[at] & ~self._said(others)).bit_count() <= self._limits.words

    def _said(self, others: Sequence[int]) -> int:
        return reduce(or_, (self._words[other] for other in others), 0)


def _earlier(
    passages: Sequence[Passage], found: Mapping[int, int], own: int
) -> tuple[Earlier, ...]:
    """Return the documents of the passages after the first ``own`` that were found."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at in found:
        if at >= own:
            places[passages[at].document, passages[at].digest].append(at)
    return tuple(
        Earlier(
            source=name.partition("\n")[0],
            document=name.partition("\n")[2],
            digest=digest,
            passages=tuple(passages[at] for at in each),
            reading=_reading([found[at] for at in each]),
        )
        for (name, digest), each in places.items()
    )


def _reading(counts: Sequence[int]) -> Reading:
    count = max(counts, default=0)
    if not count:
        return NOTHING
    why = f"{count} documents of its source, or of new sources, say the same in other words"
    return Reading(score=1.0, why=why)


def _bits(words: frozenset[int], places: dict[int, int]) -> int:
    """Return a set as a number with a bit for each word; ``places`` tells which, and grows."""
    return reduce(or_, (1 << places.setdefault(word, len(places)) for word in words), 0)


def ring_of(each: SignalInput) -> str:
    """Return the ring that a document belongs to."""
    return PROBATION if each.probation else each.source


def passages_of(each: SignalInput) -> list[Passage]:
    """Return a document's first passages as they are compared and remembered."""
    if each.vectors is None:
        return []
    name = f"{each.source}\n{each.document}"
    return [
        passage_of(name, text, vector, each.at, each.digest)
        for text, vector in zip(each.pieces[:_PIECES], each.vectors[:_PIECES], strict=False)
    ]


def passage_of(
    name: str, text: str, vector: NDArray[np.float32], at: float, digest: str = ""
) -> Passage:
    """Return a passage of a text and its vector."""
    content: Content = content_of(text)
    return Passage(
        vector=remembered_vector(vector), content=content, document=name, at=at, digest=digest
    )


def _unlike(passages: Sequence[Passage], own: Sequence[Passage]) -> list[Passage]:
    """Return the passages that are not of the same documents: a new version is no second voice."""
    names = {passage.document for passage in own}
    return [passage for passage in passages if passage.document not in names]


def _places(own: Sequence[Passage], each: SignalInput) -> list[int]:
    name = f"{each.source}\n{each.document}"
    return [at for at, passage in enumerate(own) if passage.document == name]
