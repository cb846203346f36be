r"""Required literals: strings of which a text must hold some before a pattern can match it.

>>> [[sorted(clause) for clause in alternative] for alternative in required(r"say (?:no|yes)s?")]
[[['say no', 'say yes']]]

Literals are case-folded, and so must the text be. RE2's case folding is coarser than none and finer
than Unicode's full one, so nothing that RE2 matches is missed.

- INVARIANT: a text that a pattern matches holds, for one alternative, a literal of each clause.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from ..signals.letter_bigrams import surprise_bits

Clause: TypeAlias = frozenset[str]
"""Literals of which one at least must occur."""
Alternative: TypeAlias = tuple[Clause, ...]
"""Clauses that must all hold; none means that nothing is known."""

_MAX_EXACT = 128
_MAX_CLAUSE = 512
_MAX_CLASS = 6
# Single letters, figures and the signs of prose are in every text.
_COMMON = re.compile(r"[\w\s.,;:'\"()!?/-]", re.ASCII)
_MAX_LITERAL = 24
_EDGE = 26
_FIRST_BITS, _PROSE_BITS, _SIGN_BITS, _MOST_BITS = 4.0, 6.0, 9.0, 15.0
"""The first letter, a comma, another sign or a letter of another script, and a rare word."""


@dataclass(slots=True)
class _Known:
    """What is known of a part of a pattern: all strings it can be, or the clauses it needs."""

    exact: frozenset[str] | None
    clauses: list[Clause]


_EMPTY = frozenset({""})
_NOTHING = _Known(None, [])


def required(pattern: str) -> tuple[Alternative, ...]:
    r"""Return the alternatives of ``pattern``; one of them must be fulfilled by a matching text.

    The parser of the standard library reads what it shares with RE2 the same way. Of what it
    refuses or warns of (POSIX classes, ``\p``, ``\Q``) no literals are known, which costs time.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = parser.parse(pattern)
    except (re.error, Warning, OverflowError, RecursionError):
        return ((),)
    items = list(tree)
    branches = [list(part) for part in items[0][1][1]] if _is_branch(items) else [items]
    return tuple(tuple(_all_clauses(_sequence(branch))) for branch in branches)


def _is_branch(items: Sequence[Any]) -> bool:
    return len(items) == 1 and items[0][0] is codes.BRANCH


def _sequence(items: Iterable[Any]) -> _Known:
    """Concatenate: strings grow while all are known, and become a clause where that ends."""
    exact, clauses, whole = _EMPTY, [], True
    for operator, argument in items:
        part = _part(operator, argument)
        if part.exact is not None and len(exact) * len(part.exact) <= _MAX_EXACT:
            exact = frozenset(a + b for a in exact for b in part.exact)
            continue
        whole = False
        clauses += _clause(exact)
        clauses += part.clauses
        exact = part.exact if part.exact is not None else _EMPTY
    if whole:
        return _Known(exact, [])
    return _Known(None, clauses + _clause(exact))


def _part(operator: Any, argument: Any) -> _Known:
    if operator is codes.LITERAL:
        return _Known(frozenset({chr(argument).casefold()}), [])
    if operator is codes.AT:
        return _Known(_EMPTY, [])
    if operator is codes.IN:
        return _Known(_class(argument), [])
    if operator is codes.SUBPATTERN:
        return _sequence(argument[3])
    if operator is codes.BRANCH:
        return _branch([_sequence(branch) for branch in argument[1]])
    if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        return _repeat(*argument)
    return _NOTHING


def _class(items: Sequence[Any]) -> frozenset[str] | None:
    if len(items) > _MAX_CLASS or any(operator is not codes.LITERAL for operator, _ in items):
        return None
    return frozenset(chr(code).casefold() for _, code in items)


def _branch(parts: Sequence[_Known]) -> _Known:
    exact: set[str] = set()
    for part in parts:
        if part.exact is None or len(exact) > _MAX_EXACT:
            break
        exact |= part.exact
    else:
        return _Known(frozenset(exact), [])
    best = [_best(_all_clauses(part)) for part in parts]
    if None in best:
        return _NOTHING
    union = frozenset().union(*(clause for clause in best if clause))
    return _Known(None, [union] if len(union) <= _MAX_CLAUSE else [])


def _repeat(least: int, most: int, items: Iterable[Any]) -> _Known:
    inner = _sequence(items)
    if least == most == 1:
        return inner
    if least == 0:
        optional = most == 1 and inner.exact is not None
        return _Known(inner.exact | _EMPTY, []) if optional and inner.exact else _NOTHING
    return _Known(None, _all_clauses(inner))


def _all_clauses(part: _Known) -> list[Clause]:
    return part.clauses if part.exact is None else _clause(part.exact)


def _clause(exact: frozenset[str]) -> list[Clause]:
    if any(len(literal) < 2 and (not literal or _COMMON.match(literal)) for literal in exact):
        return []
    # The head of a literal is required as well as all of it, and the automaton stays small.
    cut = {literal[:_MAX_LITERAL] for literal in exact}
    return [frozenset(a for a in cut if not any(b in a for b in cut if b != a))] if cut else []


def _best(clauses: Sequence[Clause]) -> Clause | None:
    return min(clauses, key=occurrences, default=None)


@cache
def occurrences(clause: Clause) -> float:
    """Return about how often the literals of ``clause`` occur in 1,000 characters of English."""
    return math.fsum(1000.0 * 2.0 ** -_bits(literal) for literal in clause)


def _bits(literal: str) -> float:
    """Return how surprising ``literal`` is, at most as a rare word is."""
    table = _surprise()
    bits, before = 0.0, -1
    for character in literal:
        letter = ord(character) - ord("a") if "a" <= character <= "z" else _EDGE
        if letter == _EDGE and character != " ":
            bits += _PROSE_BITS if character in ".,-'" else _SIGN_BITS
        else:
            known = before >= 0 and (before, letter) != (_EDGE, _EDGE)
            bits += table[before][letter] if known else _FIRST_BITS * (letter != _EDGE)
        before = letter
    return min(bits, _MOST_BITS)


@cache
def _surprise() -> list[list[float]]:
    return [[float(bits) for bits in row] for row in surprise_bits()]
