"""Where voices contradict each other: who says what, in which passage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Claim
from .reading import Reading, Sentence
from .voices import Voice

MAX_CONFLICTS = 10
"""Of many, those of the best ranked passages are told."""

MAX_COMPARED = 20
"""Of the best ranked candidates, each two; a swarm of candidates must not cost a second."""

MAX_SENTENCES = 12
"""Of those in which two passages differ; this is a report, and no decision rests on it."""

_SAME_WORDS = 0.5
"""Jaccard likeness from which two sentences are held to speak of the same."""

_COPIED_WORDS = 0.7
"""From here one is a copy of the other, and a common word in another's place is told too."""

_KINDS = ("number", "date", "name")

ClaimsOf = Callable[[Sentence], frozenset[Claim]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a conflict: ``passage`` is its index among the candidates."""

    voice: Voice
    passage: int
    values: tuple[str, ...]

    def as_dict(self, name: str) -> dict[str, Any]:
        """Return the JSON form, with the passage's id in place of its index."""
        return {"voice": str(self.voice), "passage": name, "values": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two voices whose passages say much the same, and differ in what the question asks for.

    ``kind`` is that of the claim, or ``negation``; ``word`` where one sentence is a copy of the
    other but for a word.
    """

    kind: str
    sides: tuple[Side, Side]

    def as_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the JSON form; ``names`` are the ids of all candidates."""
        return {
            "kind": self.kind,
            "sides": [side.as_dict(names[side.passage]) for side in self.sides],
        }


def conflicts_of(
    near: NDArray[np.bool_],
    order: Sequence[int],
    voices: Sequence[Voice],
    claims: Sequence[frozenset[Claim]],
    readings: Sequence[Reading],
    claims_of: ClaimsOf,
) -> tuple[Conflict, ...]:
    """Return the conflicts among candidates, those of the best ranked first.

    ``near`` (n, n) says which candidates say much the same; ``order`` ranks candidates, of which
    the first are compared. ``claims_of`` tells what one sentence answers.
    """
    found: list[Conflict] = []
    order = order[:MAX_COMPARED]
    ranked = np.triu(near[np.ix_(order, order)], 1)
    for first, second in np.argwhere(ranked):
        one, other = order[first], order[second]
        if voices[one] == voices[other]:
            continue
        kind, here, there = _difference(
            claims[one], claims[other], readings[one], readings[other], claims_of
        )
        if kind:
            sides = (
                Side(voice=voices[one], passage=one, values=here),
                Side(voice=voices[other], passage=other, values=there),
            )
            found.append(Conflict(kind=kind, sides=sides))
        if len(found) == MAX_CONFLICTS:
            break
    return tuple(found)


_Difference = tuple[str, tuple[str, ...], tuple[str, ...]]
_NONE: _Difference = ("", (), ())


def _difference(
    here: frozenset[Claim],
    there: frozenset[Claim],
    one: Reading,
    other: Reading,
    claims_of: ClaimsOf,
) -> _Difference:
    """Return in what two passages differ, with the values of both; "" if in nothing."""
    theirs = [(each, each.terms, len(each.terms)) for each in _own(other, one)]
    for mine in _own(one, other):
        terms, size = mine.terms, len(mine.terms)
        for each, words, length in theirs:
            # Most pairs end here: sets of such different sizes, or with so little in common.
            if length <= _SAME_WORDS * size or size <= _SAME_WORDS * length:
                continue
            shared = len(terms & words)
            all_ = size + length - shared
            if shared <= _SAME_WORDS * all_:
                continue
            found = _swapped(mine, each, shared > _COPIED_WORDS * all_, claims_of)
            if found[0]:
                return found
    for kind in _KINDS:
        values, other_values = _values(here, kind), _values(there, kind)
        if values and other_values and not set(values) & set(other_values):
            return kind, values, other_values
    return _NONE


def _own(one: Reading, other: Reading) -> Sequence[Sentence]:
    """Return the first sentences that the other passage has not word for word."""
    common = {each.text for each in other.sentences}
    return [each for each in one.sentences if each.text not in common][:MAX_SENTENCES]


def _swapped(one: Sentence, other: Sentence, copied: bool, claims_of: ClaimsOf) -> _Difference:
    """Return what two sentences of like words have in each other's place, or that one denies."""
    here, there = claims_of(one), claims_of(other)
    kinds = (*_KINDS, "word") if copied else _KINDS
    for kind in kinds:
        mine, others = _values(here - there, kind), _values(there - here, kind)
        if mine and others:
            return kind, mine, others
    if one.negated != other.negated:
        return "negation", (_says(one),), (_says(other),)
    return _NONE


def _values(claims: frozenset[Claim], kind: str) -> tuple[str, ...]:
    return tuple(sorted(value for each, value in claims if each == kind))


def _says(sentence: Sentence) -> str:
    return "denied" if sentence.negated else "affirmed"
