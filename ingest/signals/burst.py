"""A burst of like documents: several that say the same, from one source or from new ones.

Five rewrites of one claim are near each other, share their words, and no one has a name or number
of its own. That last is what sets them apart from five honest reports of one event, each of which
brings facts that the others lack.

What new sources brought before is measured again beside what comes: the first of a burst had
nothing to be compared with. So it comes out alike whether a burst comes in one batch or in many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .burst_group import ESTABLISHED, NEW, Group
from .content import Content, content_of
from .recent import PROBATION, Passage, RecentPassages, remembered_vector
from .signal import NOTHING, Reading, SignalInput
from .surroundings import Surroundings

WINDOW_S = 30 * 86_400.0
"""What was brought earlier is compared only as far as it is among the stored neighbours."""

_PIECES = 6
"""Passages of a document that are compared; poison is short, and a book has thousands."""


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
            group = Group(passages, NEW if ring == PROBATION else ESTABLISHED)
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
