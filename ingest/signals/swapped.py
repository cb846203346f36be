"""A passage that says what another says, but for a name, a number, a date or a "not".

Compared with the stored neighbours and with the batch. Honest pages made from one template differ
in their subject too, so what opens both must be the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput
from .surroundings import PIECES, Surroundings

LEAST_COSINE = 0.75
"""One swapped name in a passage of forty words leaves .8 and more (all-MiniLM-L6-v2)."""

_MAX_COMPARED = 12
_TEXT_CHARS = 8_000
_LEAST_WORDS = 12
_MAX_CHANGED = 6
"""Words in which two passages may differ and still say the same but for one fact."""

_SAME_SHARE = 0.8
_LONG_WORDS = 25
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "cannot",
        "can't",
        "won't",
        "isn't",
        "wasn't",
        "aren't",
        "didn't",
        "doesn't",
        "neither",
    ]
)


class SwappedFact:
    """A passage that differs from another in a fact or a negation only."""

    name = "swapped_fact"
    version = "3"
    threshold = 0.5
    decision = Decision.FLAG

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self._surroundings = surroundings or Surroundings()

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score .5 for a passage whose like is of its own source, 1 for one of another."""
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
        sources = {source for mine, theirs, source in pairs if is_swapped(mine, theirs)}
        if not sources:
            return NOTHING
        why = "it differs from a passage of {} in a name, a number or a negation only"
        if sources == {each.source}:
            # Records of one form; what a source says against itself is one voice.
            return Reading(
                score=0.5,
                why=why.format("its own source"),
                decision=None if each.probation else Decision.ALLOW,
            )
        return Reading(score=1.0, why=why.format("another source"), decision=Decision.QUARANTINE)


def is_swapped(mine: str, theirs: str) -> bool:
    """Tell whether two passages are one but for a fact or a negation; both untrusted."""
    ours, others = _words(mine), _words(theirs)
    if min(len(ours), len(others)) < _LEAST_WORDS or ours[0].lower() != others[0].lower():
        return False
    come, gone = Counter(ours) - Counter(others), Counter(others) - Counter(ours)
    changed = come.total() + gone.total()
    if not changed or changed > min(_MAX_CHANGED, (1 - _SAME_SHARE) * (len(ours) + len(others))):
        return False
    if any(word.lower() in _NEGATIONS for word in [*come, *gone]):
        return True
    if come.total() == gone.total() == 1 and len(ours) >= _LONG_WORDS:
        return True  # one word of any kind: head for midpiece
    return bool(come) and bool(gone) and all(_is_fact(word) for word in [*come, *gone])


@lru_cache(maxsize=4_096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text[:_TEXT_CHARS]))


def _is_fact(word: str) -> bool:
    return word[0].isupper() or any(letter.isdigit() for letter in word)


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
