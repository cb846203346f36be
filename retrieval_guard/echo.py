"""Query echo: a passage that repeats the question nearly verbatim, to sit next to it.

Black-box poisoning (PoisonedRAG, Zou et al. 2024) puts the target question before the crafted
text. Honest passages answer questions more than they repeat them; a FAQ page does repeat them,
so an echo is put behind other candidates and never removed from the store for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

# Scripts without spaces count by character.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_QUESTION_WORDS = frozenset(
    {"who", "whom", "whose", "what", "which", "when", "where", "why", "how", "is", "are", "was",
     "were", "do", "does", "did", "can", "could", "will", "would", "should", "has", "have", "had",
     "may", "might", "am"}
)  # fmt: skip

MAX_EDITS = 0.2
"""Share of the question's words that may be changed, missing or inserted in its echo.

Measured on 400 questions over 10,125 clean passages: 0.3 % of gold passages count as echoes (1.5 %
at 0.25), and all 485 PoisonedRAG texts."""

MIN_QUESTION_WORDS = 4
MIN_PHRASE_WORDS = 7
"""Shorter phrases stand in honest text by chance: headings are written like search phrases."""


def echoes_query(query: str, text: str) -> bool:
    """Tell whether ``text`` holds the query with at most a fifth of its words edited.

    Both are in canonical form. A question's first word must be there: "Who chairs the council?" is
    answered by "Ada Byron chairs the council", which asks nothing. Word edit distance of the query
    to its nearest substring (Sellers 1980), O(words * words).
    """
    asked = _words(query)
    if len(asked) < _least_words(query, asked):
        return False
    folded, allowed = text.casefold(), len(asked) * MAX_EDITS
    # Most candidates end here: what is no part of the text is none of its words.
    if sum(word not in folded for word in set(asked)) > allowed:
        return False
    found = _WORD.findall(folded)
    # Without most of the words there is no near copy.
    missing = len(set(asked) - set(found))
    return missing <= allowed and any(
        _nearest(asked, part) <= allowed for part in _parts(asked, found, allowed)
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _least_words(query: str, words: Sequence[str]) -> int:
    asks = query.rstrip().endswith("?") or (bool(words) and words[0] in _QUESTION_WORDS)
    return MIN_QUESTION_WORDS if asks else MIN_PHRASE_WORDS


def _parts(asked: Sequence[str], found: Sequence[str], allowed: float) -> Iterator[Sequence[str]]:
    """Yield the parts of a text in which a near copy can stand: edits are counted only there.

    A copy with so many edits has at most so many words more than the question, and at least so many
    fewer of the question's words.
    """
    wanted, longest = set(asked), len(asked) + int(allowed)
    counts = list(accumulate((word in wanted for word in found), initial=0))
    start = end = 0
    for at in range(max(1, len(found) - longest + 1)):
        stop = min(at + longest, len(found))
        if counts[stop] - counts[at] < len(asked) - allowed:
            continue
        if at > end:
            yield found[start:end]
            start = at
        start, end = (at if end == 0 else start), stop
    if end:
        yield found[start:end]


def _nearest(pattern: Sequence[str], text: Sequence[str]) -> int:
    """Return the edit distance of ``pattern`` to the nearest substring of ``text``.

    A question word at the start costs as much as the whole pattern to change or leave out.
    """
    first = len(pattern) if pattern[0] in _QUESTION_WORDS else 1
    column = [0, *range(first, first + len(pattern))]
    best: int = column[-1]
    for word in text:
        diagonal, column[0] = column[0], 0
        for at, wanted in enumerate(pattern, start=1):
            cost = first if at == 1 else 1
            kept = diagonal + cost * (word != wanted)
            diagonal = column[at]
            column[at] = min(kept, column[at] + 1, column[at - 1] + cost)
        best = min(best, column[-1])
    return best
