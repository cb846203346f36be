"""Whether one passage is a copy of another in which a fact was changed, by their words alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from .typing_errors import is_typo, typos

_TEXT_CHARS = 8_000
_LEAST_WORDS = 12
_MAX_CHANGED = 6
"""Words in which two passages may differ and still say the same but for one fact."""

_SAME_SHARE = 0.8
_LONG_WORDS = 25
_MAX_TYPED = 0.3
_LEAST_TYPOS = 3
"""Share of the words of both passages that may differ, and how many typing errors show a short one
to be a copy."""

_PHRASES = 2
"""Places, of different words, in which a copy says something else: ``the Tower of London`` in place
of ``the Bank of England`` is two."""

_STRETCHES = 2
_LEAST_SHARED = 0.6
_CHANCE = 2
"""Stretches that a copy leaves out, adds or tells anew; the share of the shorter passage's words
that both have; words in common that mean nothing between two such stretches."""

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_NEGATIONS = frozenset(("not", "no", "never", "neither", "cannot", "can't", "won't", "isn't",
                        "wasn't", "aren't", "didn't", "doesn't"))  # fmt: skip

Words = Sequence[str]
Part = tuple[Words, Words]
"""What stands at one place of both passages."""


def is_altered(mine: str, theirs: str) -> bool:
    """Tell whether two passages are one but for a fact, a negation or typing errors; untrusted."""
    ours, others = _words(mine), _words(theirs)
    return min(len(ours), len(others)) >= _LEAST_WORDS and _says_another_thing(ours, others)


def is_altered_in_part(mine: str, theirs: str) -> bool:
    """Tell whether two passages are so but for what one of them leaves out or adds; untrusted.

    That is a stretch of more than six words, or a shorter one at an end: a copy that was cut, or
    that has a sentence before, after or in it. A name, number or negation must be told otherwise,
    since who shortens a text changes a word of it too.
    """
    words, other_words = _words(mine), _words(theirs)
    least = max(_LEAST_WORDS, _LEAST_SHARED * min(len(words), len(other_words)))
    if (Counter(words) & Counter(other_words)).total() < least:
        return False
    meant = typos(*_changed(words, other_words))
    ours, others = _common_part(_mended(words, meant), other_words)
    if min(len(ours), len(others)) < least:
        return False
    tells = any(_is_fact(word) or _denies(word) for each in _changed(ours, others) for word in each)
    return tells and _says_another_thing(ours, others)


@lru_cache(maxsize=4_096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text[:_TEXT_CHARS]))


def _says_another_thing(ours: Words, others: Words) -> bool:
    # Pages made from one form differ in their subject, which opens them.
    if ours[0].lower() != others[0].lower() and not is_typo(ours[0], others[0]):
        return False
    come, gone = _changed(ours, others)
    if come.total() + gone.total() > _MAX_TYPED * (len(ours) + len(others)):
        return False
    if _are_facts(come, gone, len(ours), len(others)):
        return True
    meant = typos(come, gone)
    if len(ours) < _LONG_WORDS and len(meant) < _LEAST_TYPOS:
        return False
    return _is_one_phrase(_mended(ours, meant), others)


def _changed(ours: Words, others: Words) -> tuple[Counter[str], Counter[str]]:
    """Return the words that came, and those that are gone."""
    mine, theirs = Counter(ours), Counter(others)
    return mine - theirs, theirs - mine


def _are_facts(come: Counter[str], gone: Counter[str], ours: int, others: int) -> bool:
    changed = come.total() + gone.total()
    if not changed or changed > min(_MAX_CHANGED, (1 - _SAME_SHARE) * (ours + others)):
        return False
    if any(map(_denies, [*come, *gone])):
        return True
    if come.total() == gone.total() == 1 and ours >= _LONG_WORDS:
        return True  # one word of any kind: head for midpiece
    return bool(come) and bool(gone) and all(map(_is_fact, [*come, *gone]))


def _is_fact(word: str) -> bool:
    return word[0].isupper() or any(letter.isdigit() for letter in word)


def _denies(word: str) -> bool:
    return word.lower() in _NEGATIONS


def _mended(ours: Words, meant: Mapping[str, str]) -> Words:
    return tuple(meant.get(word, word) for word in ours)


def _is_one_phrase(ours: Words, others: Words) -> bool:
    """Tell whether two passages are one but for a phrase put in another's place, one or two."""
    changed = {part for part in _parts(ours, others) if part[0] != part[1]}
    return 0 < len(changed) <= _PHRASES and all(
        1 <= len(side) <= _MAX_CHANGED for part in changed for side in part
    )


def _parts(ours: Words, others: Words) -> list[Part]:
    """Return what both share and where they differ, in turn; sides are equal or differ wholly."""
    steps = SequenceMatcher(None, ours, others, autojunk=False).get_opcodes()
    return [(tuple(ours[a:b]), tuple(others[c:d])) for _, a, b, c, d in steps]


def _common_part(ours: Words, others: Words) -> Part:
    """Return both without the stretches of one only; nothing of either if there are too many."""
    mine: list[str] = []
    theirs: list[str] = []
    stretches = 0
    parts = _without_chance(_parts(ours, others))
    if _is_stretch(parts[0]) and all(parts[0]):
        return (), ()  # they open with different things
    for at, part in enumerate(parts):
        if _is_stretch(part) or (at in (0, len(parts) - 1) and not all(part)):
            stretches += 1
            part = _swapped_beside(part)
        mine += part[0]
        theirs += part[1]
    return (mine, theirs) if stretches <= _STRETCHES else ((), ())


def _without_chance(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a word or two in common that stand beside a stretch put to it."""
    kept: list[Part] = []
    for part in parts:
        kept.append(part)
        while len(kept) > 1 and _are_one(*kept[-2:]):
            (a, b), (c, d) = kept[-2:]
            kept[-2:] = [((*a, *c), (*b, *d))]
    return kept


def _are_one(before: Part, after: Part) -> bool:
    shared = [part for part in (before, after) if part[0] == part[1]]
    if not shared:
        return True
    told_anew = any(_is_stretch(part) and all(part) for part in (before, after))
    return told_anew and len(shared[0][0]) <= _CHANCE


def _is_stretch(part: Part) -> bool:
    return part[0] != part[1] and max(map(len, part)) > _MAX_CHANGED


def _swapped_beside(part: Part) -> Part:
    """Return the fact that was changed where a stretch begins, and a word of what stood there."""
    left, right = part
    if len(left) > len(right):
        right, left = _swapped_beside((right, left))
        return left, right
    told = 0 < len(left) <= _MAX_CHANGED and any(map(_is_fact, left))
    return (left, right[:1]) if told else ((), ())
