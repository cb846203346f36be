"""Where the text of two or three passages can read as one: the seams that a join scan looks at.

Neighbours meet in the context as it is served. Passages with others between them meet in the mind
of a reader who puts them together, so the best ones' edges are set next to each other too, in the
order in which they are served. How many such seams there are is bounded, not how far apart they
are: `EXTRA_SEAMS` more than those of neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

NEIGHBOUR_CHARS = 400
"""How far a seam of neighbours reaches to each side: about three sentences."""
EDGE_CHARS = 240
"""How far one of passages that are apart reaches; a longer part of an order shows alone."""
EXTRA_SEAMS = 3
TOP_PASSAGES = 12
"""Passages that are apart are put together among so many of the best only."""
_WORD_CHARS = 40
"""An edge is moved by so much at most to keep a word whole; some languages have no blanks."""
_ENDS = frozenset(".!?…。！？؟।\"'”’»)]}")

Texts = Sequence[str]


@dataclass(frozen=True, slots=True)
class Part:
    """Characters ``start:end`` of the passage at position ``at``."""

    at: int
    start: int
    end: int


Seam = tuple[Part, ...]
"""Two or more parts, in the order in which they are served."""


def seams(texts: Texts) -> Iterator[Seam]:
    """Yield the seams of passages: all of neighbours, then the likeliest of others."""
    for at in range(len(texts) - 1):
        yield _seam(texts, (at, at + 1), NEIGHBOUR_CHARS)
    apart = sorted(_apart(texts), key=lambda places: _unlikely(texts, places))
    for places in apart[: len(texts) - 1 + EXTRA_SEAMS]:
        yield _seam(texts, places, EDGE_CHARS)


def _apart(texts: Texts) -> Iterator[tuple[int, ...]]:
    """Yield pairs that are no neighbours, and threes around a short one that has none of them."""
    few = range(min(len(texts), TOP_PASSAGES))
    yield from ((a, b) for a, b in combinations(few, 2) if b - a > 1)
    for middle in few[2:-2]:
        if len(texts[middle]) <= EDGE_CHARS:
            yield from ((a, middle, b) for a in few[: middle - 1] for b in few[middle + 2 :])


def _unlikely(texts: Texts, places: tuple[int, ...]) -> tuple[int, int, int]:
    """Return a key that puts first what breaks off and goes on, then what is near, then the best.

    Only the order is guessed from how a text breaks off: an order can be split between sentences.
    """
    broken = 0
    for before, after in pairwise(places):
        end, start = texts[before].rstrip()[-1:], texts[after].lstrip()[:1]
        broken += (end not in _ENDS) + start.islower()
    return 2 * (len(places) - 1) - broken, places[-1] - places[0], places[0]


def _seam(texts: Texts, places: tuple[int, ...], reach: int) -> Seam:
    middle = (Part(at, 0, len(texts[at])) for at in places[1:-1])
    return (*_back(texts, places[0], reach), *middle, *_on(texts, places[-1], reach))


def _back(texts: Texts, at: int, reach: int) -> list[Part]:
    """Return the last ``reach`` characters up to the end of passage ``at``; short ones whole."""
    parts: list[Part] = []
    while at >= 0 and reach > 0:
        text = texts[at]
        start = max(0, len(text) - reach)
        if start:
            words = (
                cut
                for cut in range(start, start + min(reach, _WORD_CHARS))
                if text[cut - 1].isspace()
            )
            start = next(words, start)
        parts.insert(0, Part(at, start, len(text)))
        reach -= len(text)
        at -= 1
    return parts


def _on(texts: Texts, at: int, reach: int) -> list[Part]:
    """Return the first ``reach`` characters from the start of passage ``at`` on."""
    parts: list[Part] = []
    while at < len(texts) and reach > 0:
        text = texts[at]
        end = min(len(text), reach)
        if end < len(text):
            words = (
                cut for cut in range(end, max(0, end - _WORD_CHARS), -1) if text[cut].isspace()
            )
            end = next(words, end)
        parts.append(Part(at, 0, end))
        reach -= len(text)
        at += 1
    return parts
