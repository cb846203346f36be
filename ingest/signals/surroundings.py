"""The stored neighbours of a batch: asked of the store once, and shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.chunk import Matrix, Vector
from ...core.errors import StoreError
from ...core.store import Hit
from .content import content_of
from .recent import Passage, remembered_vector
from .signal import SignalInput

Neighbours = Callable[[Matrix, int], Sequence[Sequence[Hit]]]
"""Returns the stored points nearest to each row of (n, d), as many as asked for, best first."""

IsNew = Callable[[str], bool]
"""Tells whether a source is in probation now."""


def nobody(_: str) -> bool:
    """Take every source for established."""
    return False


NEAREST = 8
PIECES = 6
"""Passages of a document whose neighbours are asked for; so the cost of a document is bounded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """A stored passage beside one of the batch; ``text`` may be empty (sealed or foreign)."""

    text: str
    source: str
    document: str
    vector: Vector
    score: float
    digest: str = ""


class Surroundings:
    """What stands in the store around the documents of the current batch.

    ``is_new`` tells of the source of a passage whether it is in probation now.
    """

    def __init__(self, neighbours: Neighbours | None = None, is_new: IsNew = nobody) -> None:
        self._neighbours = neighbours
        self.is_new = is_new
        self._found: dict[int, list[list[Stored]]] = {}

    def look(self, batch: Sequence[SignalInput]) -> None:
        """Ask for the neighbours of a batch.

        What a store raises that cannot answer ends it: nothing is admitted unseen. Raises
        `StoreError` where it answers less than was asked.
        """
        self._found = {}
        if self._neighbours is None:
            return
        rows = [each.vectors[:PIECES] for each in batch if each.vectors is not None]
        if not rows:
            return
        asked = np.vstack(rows).astype(np.float32)
        found = self._neighbours(asked, NEAREST)
        if len(found) != len(asked):
            raise StoreError(
                f"neighbours refused: the store told those of {len(found)} passages, {len(asked)} "
                "were asked for; a search must answer for each"
            )
        hits = iter(found)
        for each in batch:
            if each.vectors is not None:
                count = len(each.vectors[:PIECES])
                self._found[id(each)] = [_stored(next(hits), each) for _ in range(count)]

    def of(self, each: SignalInput) -> list[list[Stored]]:
        """Return the neighbours of each of the first passages; other versions of it left out."""
        return self._found.get(id(each), [])

    def same_ring(self, each: SignalInput) -> list[Passage]:
        """Return stored passages near this document that are of its own source.

        Those of all sources in probation are one another's.
        """
        return [
            Passage(
                vector=remembered_vector(near.vector),
                content=content_of(near.text),
                document=f"{near.source}\n{near.document}",
                at=0.0,
                digest=near.digest,
            )
            for row in self.of(each)
            for near in row
            if near.text and self._is_beside(near, each)
        ]

    def _is_beside(self, near: Stored, each: SignalInput) -> bool:
        return near.source == each.source or (each.probation and self.is_new(near.source))


def _stored(hits: Sequence[Hit], each: SignalInput) -> list[Stored]:
    rows = []
    for hit in hits:
        payload = hit.point.payload
        source, document = str(payload.get("source", "")), str(payload.get("document", ""))
        text = payload.get("text", "")
        if (source, document) != (each.source, each.document):
            rows.append(
                Stored(
                    text=text if isinstance(text, str) else "",
                    source=source,
                    document=document,
                    vector=np.asarray(hit.point.vector, dtype=np.float32),
                    score=float(hit.score),
                    digest=str(payload.get("document_digest", "")),
                )
            )
    return rows
