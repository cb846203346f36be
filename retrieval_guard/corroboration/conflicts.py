"""Where voices contradict each other: who says what, in which passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Claim
from .reading import Sentence
from .voices import Voice

MAX_CONFLICTS = 10
"""Of many, those of the best ranked passages are told."""

MAX_COMPARED = 20
"""Of the best ranked candidates, each two; a swarm of candidates must not cost a second."""

_SAME_WORDS = 0.5
"""Jaccard likeness from which two sentences are held to speak of the same."""


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

    ``kind`` is that of the claim, or ``negation``.
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
    answering: Sequence[Sequence[Sentence]],
) -> tuple[Conflict, ...]:
    """Return the conflicts among candidates, those of the best ranked first.

    ``near`` (n, n) says which candidates say much the same; ``order`` ranks candidates, of which
    the first are compared. ``answering`` are the sentences that the claims are from.
    """
    found: list[Conflict] = []
    order = order[:MAX_COMPARED]
    ranked = np.triu(near[np.ix_(order, order)], 1)
    for first, second in np.argwhere(ranked):
        one, other = order[first], order[second]
        if voices[one] == voices[other]:
            continue
        kind, here, there = _difference(
            claims[one], claims[other], answering[one], answering[other]
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


def _difference(
    here: frozenset[Claim],
    there: frozenset[Claim],
    one: Sequence[Sentence],
    other: Sequence[Sentence],
) -> _Difference:
    """Return in what two passages differ, with the values of both; "" if in nothing."""
    for kind in ("number", "date", "name"):
        mine, others = _values(here, kind), _values(there, kind)
        if mine and others and not set(mine) & set(others):
            return kind, mine, others
    opposed = _opposed(one, other)
    if opposed is not None:
        return "negation", (_says(opposed[0]),), (_says(opposed[1]),)
    return "", (), ()


def _opposed(
    one: Sequence[Sentence], other: Sequence[Sentence]
) -> tuple[Sentence, Sentence] | None:
    """Return two sentences of like words of which one denies what the other says."""
    for here in one:
        for there in other:
            shared, all_ = len(here.terms & there.terms), len(here.terms | there.terms)
            if here.negated != there.negated and shared > _SAME_WORDS * all_:
                return here, there
    return None


def _values(claims: frozenset[Claim], kind: str) -> tuple[str, ...]:
    return tuple(sorted(value for each, value in claims if each == kind))


def _says(sentence: Sentence) -> str:
    return "denied" if sentence.negated else "affirmed"
