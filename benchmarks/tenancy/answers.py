"""Answers: whether two say the same, and whether one holds a canary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import isclose, sqrt
from typing import Any

from pydantic import BaseModel
from qdrant_client import models

from .calls import Call
from .canaries import Canaries

# Two sums of the same numbers over arrays of different lengths differ in the last bits of float32.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
REBUILT = 0.99
"""Cosine from which a vector counts as the victim's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: a value, or the error that was raised."""

    value: Any = None
    error: Exception | None = None
    told: str = ""
    """The error as its caller reads it, without what differs between the stores' names."""


def agree(call: Call, one: Answer, other: Answer) -> bool:
    """Say whether two answers to the call are the same, but for what the engine is free in."""
    if one.error is not None or other.error is not None:
        return one.told == other.told
    if call.unsteady:
        return True
    if call.unordered:
        return same(_in_order(one.value), _in_order(other.value))
    return same(one.value, other.value)


def same(one: Any, other: Any) -> bool:
    """Compare two answers; floats by tolerance, points of one score in any order."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    if isinstance(one, BaseModel):
        return type(one) is type(other) and same(vars(one), vars(other))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list | tuple):
        if not isinstance(other, list | tuple) or len(one) != len(other):
            return False
        if one and isinstance(one[0], models.ScoredPoint):
            return _same_ranking(one, other)
        return all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _same_ranking(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Compare hits; where scores tie at the end, which of the tied are cut off is left open."""
    if not all(same(a.score, b.score) for a, b in zip(one, other, strict=True)):
        return False
    tied = list(_ties(one))
    start = 0
    for size in tied[:-1]:
        end = start + size
        if not same(_by_id(one[start:end]), _by_id(other[start:end])):
            return False
        start = end
    if tied[-1] == 1:
        return same(vars(one[-1]), vars(other[-1]))
    return True


def _ties(hits: Sequence[Any]) -> Iterator[int]:
    """Yield how many hits in a row have about one score."""
    size = 1
    for before, after in pairwise(hits):
        if same(before.score, after.score):
            size += 1
        else:
            yield size
            size = 1
    yield size


def _by_id(hits: Iterable[Any]) -> list[dict[str, Any]]:
    return [vars(hit) for hit in sorted(hits, key=lambda hit: str(hit.id))]


def _in_order(value: Any) -> Any:
    """Return groups, pairs and matrices in an order of their own."""
    if isinstance(value, models.GroupsResult):
        return sorted(value.groups, key=lambda group: str(group.id))
    if isinstance(value, models.SearchMatrixPairsResponse):
        return sorted(([str(p.a), str(p.b), p.score] for p in value.pairs), key=lambda p: p[:2])
    if isinstance(value, models.SearchMatrixOffsetsResponse):
        cells = zip(value.offsets_row, value.offsets_col, value.scores, strict=True)
        named = [[str(value.ids[row]), str(value.ids[col]), score] for row, col, score in cells]
        return [sorted(map(str, value.ids)), sorted(named, key=lambda cell: cell[:2])]
    return value


def canary_in(canaries: Canaries, answer: Answer, *, named: str = "") -> str | None:
    """Return which kind of canary the answer holds: ``text`` or ``payload`` (a number).

    ``named``: the collection that the call names; an error may say its name.
    """
    texts, numbers = canaries.markers, canaries.numbers
    kinds = set()
    told = answer.told.replace(named, "") if named else answer.told
    for leaf in (*_leaves(answer.value), told):
        if isinstance(leaf, str):
            if any(marker in leaf for marker in texts):
                return "text"
        elif not isinstance(leaf, list) and leaf in numbers:
            kinds.add("payload")
    return kinds.pop() if kinds else None


def vectors_in(canaries: Canaries, answer: Answer) -> int:
    """Return how many of the answer's vectors are about those of a victim."""
    return sum(
        any(cosine(leaf, each) > REBUILT for each in canaries.vectors.get(len(leaf), ()))
        for leaf in _leaves(answer.value)
        if isinstance(leaf, list)
    )


def _leaves(value: Any) -> Iterator[Any]:
    """Yield texts, numbers of payloads and whole vectors."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _leaves(vars(value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(key)
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        if value and isinstance(value[0], float):
            yield value
        else:
            for inner in value:
                yield from _leaves(inner)
    elif isinstance(value, Enum):
        yield from _leaves(value.value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two vectors of one length, 0 if one of them is zero."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    size = sqrt(sum(a * a for a in one) * sum(b * b for b in other))
    return dot / size if size else 0.0
