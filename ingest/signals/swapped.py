"""A passage that says what another says, but for a name, a number, a date or a "not".

Compared with the stored neighbours and with the batch. Who came with an altered copy first must not
keep the true one out, so an established source is not compared with those in probation. Honest
pages made from one template differ in their subject too, so what opens both must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...core.verdict import Decision
from .altered_copy import is_altered, is_altered_in_part
from .signal import NOTHING, Reading, SignalInput
from .surroundings import PIECES, Surroundings

LEAST_COSINE = 0.6
"""One swapped name in a passage of forty words leaves .8 and more (all-MiniLM-L6-v2), typing errors
in a twelfth of its words .6 and more."""

_MAX_COMPARED = 12


class SwappedFact:
    """A passage that differs from another in a fact or a negation only."""

    name = "swapped_fact"
    version = "5"
    threshold = 0.5
    decision = Decision.FLAG

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self._surroundings = surroundings or Surroundings()

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score 1 for a copy of another source's passage, .75 of a part of it, .5 of its own."""
        beside = _batch_pairs(batch)
        return [
            self._reading(each, [*beside[at], *self._stored(each)]) for at, each in enumerate(batch)
        ]

    def _stored(self, each: SignalInput) -> Iterator[tuple[str, str, str]]:
        for piece, row in zip(each.pieces, self._surroundings.of(each), strict=False):
            for near in row:
                if near.score >= LEAST_COSINE and near.text:
                    yield piece, near.text, near.source

    def _reading(self, each: SignalInput, pairs: Sequence[tuple[str, str, str]]) -> Reading:
        others = [pair for pair in pairs if self._is_witness(pair[2], each)]
        if any(is_altered(mine, theirs) for mine, theirs, _ in others):
            return _told(1.0, "a passage of another source", Decision.QUARANTINE)
        if any(is_altered_in_part(mine, theirs) for mine, theirs, _ in others):
            # Who quotes or shortens others changes a word too, and is not always wrong.
            part = Decision.QUARANTINE if each.probation else Decision.FLAG
            return _told(0.75, "a part of a passage of another source", part)
        if any(is_altered(mine, theirs) for mine, theirs, _ in pairs):
            # Records of one form; what a source says against itself is one voice.
            own = None if each.probation else Decision.ALLOW
            return _told(0.5, "a passage of its own or of a newer source", own)
        return NOTHING

    def _is_witness(self, source: str, each: SignalInput) -> bool:
        """Tell whether a source speaks against a document: a new one not against established."""
        return source != each.source and (each.probation or not self._surroundings.is_new(source))


def _told(score: float, of_what: str, decision: Decision | None) -> Reading:
    why = f"it differs from {of_what} in a name, a number, a phrase or a negation only"
    return Reading(score=score, why=why, decision=decision)


def _batch_pairs(batch: Sequence[SignalInput]) -> list[list[tuple[str, str, str]]]:
    """Return for each document the near passages of the others of the batch."""
    rows = [
        (at, piece, vector)
        for at, each in enumerate(batch)
        if each.vectors is not None
        for piece, vector in zip(each.pieces[:PIECES], each.vectors[:PIECES], strict=False)
    ]
    pairs: list[list[tuple[str, str, str]]] = [[] for _ in batch]
    if not rows:
        return pairs
    matrix = np.stack([vector for _, _, vector in rows]).astype(np.float32)
    cosines = matrix @ matrix.T
    for mine, (at, piece, _) in enumerate(rows):
        near = np.flatnonzero(cosines[mine] >= LEAST_COSINE)
        for other in near[np.argsort(-cosines[mine, near])][: _MAX_COMPARED + 1].tolist():
            place, text, _ = rows[other]
            if (
                batch[place].document != batch[at].document
                or batch[place].source != batch[at].source
            ):
                pairs[at].append((piece, text, batch[place].source))
    return pairs
