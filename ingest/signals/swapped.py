"""A passage that says what another says, but for a name, a number, a date or a "not".

Compared with the stored neighbours and with the batch. Honest pages made from one template differ
in their subject too, so what opens both must be the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput
from .surroundings import PIECES, Surroundings

LEAST_COSINE = 0.6
"""One swapped name in a passage of forty words leaves .8 and more (all-MiniLM-L6-v2), typing errors
in a twelfth of its words .6 and more."""

_MAX_COMPARED = 12
_TEXT_CHARS = 8_000
_LEAST_WORDS = 12
_MAX_CHANGED = 6
"""Words in which two passages may differ and still say the same but for one fact."""

_SAME_SHARE = 0.8
_LONG_WORDS = 25
_MAX_TYPED = 0.3
_LEAST_TYPOS = 3
_TYPED_CHARS = 4
"""Share of the words of both passages that may differ, how many typing errors show a short one to
be a copy, and letters that such a word has."""

_PHRASES = 2
"""Places, of different words, in which a copy says something else: ``the Tower of London`` in place
of ``the Bank of England`` is two."""

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
    version = "4"
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
    """Tell whether two passages are one but for a fact, a negation or typing errors; untrusted."""
    ours, others = _words(mine), _words(theirs)
    if min(len(ours), len(others)) < _LEAST_WORDS:
        return False
    if ours[0].lower() != others[0].lower() and not is_typo(ours[0], others[0]):
        return False
    come, gone = Counter(ours) - Counter(others), Counter(others) - Counter(ours)
    words = len(ours) + len(others)
    if come.total() + gone.total() > _MAX_TYPED * words:
        return False
    if _are_facts(come, gone, len(ours), len(others)):
        return True
    typos = _typos(come, gone)
    mended = [typos.get(word, word) for word in ours]
    if len(ours) < _LONG_WORDS and len(typos) < _LEAST_TYPOS:
        return False
    return _is_one_phrase(mended, others)


def _is_one_phrase(ours: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether two passages are one but for a phrase put in another's place, one or two."""
    steps = SequenceMatcher(None, ours, others, autojunk=False).get_opcodes()
    changed = [
        (tuple(ours[a:b]), tuple(others[c:d])) for kind, a, b, c, d in steps if kind != "equal"
    ]
    return 0 < len(set(changed)) <= _PHRASES and all(
        1 <= len(side) <= _MAX_CHANGED for pair in changed for side in pair
    )


def is_typo(word: str, other: str) -> bool:
    """Tell whether two words are one but for a letter put in, left out, changed or swapped.

    A letter at the end makes a plural or a tense, and is none.
    """
    one, two = sorted((word.lower(), other.lower()), key=len)
    if len(one) < _TYPED_CHARS or one == two or len(two) - len(one) > 1 or not one.isalpha():
        return False
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    if len(one) < len(two):
        return at < len(one) and one[at:] == two[at + 1 :]
    if one[at + 1 :] == two[at + 1 :]:
        return True
    return one[at : at + 2] == two[at : at + 2][::-1] and one[at + 2 :] == two[at + 2 :]


def _typos(come: Counter[str], gone: Counter[str]) -> dict[str, str]:
    """Return what each new word stands for that differs by a typing error from an old one."""
    pairs = {word: next((old for old in gone if is_typo(word, old)), "") for word in come}
    return {word: old for word, old in pairs.items() if old}


def _are_facts(come: Counter[str], gone: Counter[str], ours: int, others: int) -> bool:
    changed = come.total() + gone.total()
    if not changed or changed > min(_MAX_CHANGED, (1 - _SAME_SHARE) * (ours + others)):
        return False
    if any(word.lower() in _NEGATIONS for word in [*come, *gone]):
        return True
    if come.total() == gone.total() == 1 and ours >= _LONG_WORDS:
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
