"""Typing errors, as an attacker puts them in so that no near duplicate is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

_TYPED_CHARS = 4


def is_typo(word: str, other: str) -> bool:
    """Tell whether two words are one but for a letter put in, left out, changed or swapped.

    A letter at the end makes a plural or a tense, and is none; words of three letters have none.
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


def typos(come: Iterable[str], gone: Iterable[str]) -> dict[str, str]:
    """Return what each word that came stands for, if it differs from one gone by a typing error."""
    by_edge: dict[tuple[int, str], list[str]] = defaultdict(list)
    for old in gone:
        # One error leaves the first letter or the last: few words are compared.
        for edge in (0, -1):
            by_edge[edge, old[edge].lower()].append(old)
    found = {}
    for word in come:
        near = chain(*(by_edge.get((edge, word[edge].lower()), ()) for edge in (0, -1)))
        if meant := next((old for old in near if is_typo(word, old)), None):
            found[word] = meant
    return found
