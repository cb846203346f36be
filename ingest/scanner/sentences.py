"""Sentences and clauses around a span, found near it, so that long texts cost nothing extra."""

from __future__ import annotations

import re

_REACH = 600
"""A sentence is not looked for further than this many characters on either side."""

# Ends of sentences, lines, table cells, HTML tags and quoted values of structured data.
_BOUNDARY = re.compile(
    r"[.!?…؟।]+[\"'”’)\]}]*(?=\s)|[。！？]+[”」』）]*|\n+|\s\|\s|<[!/A-Za-z][^<>\n]{0,200}>|-->"
    r"|(?<=[:\[{(,])\s?[\"'](?=\S)|[\"'](?=\s?[,}\]:])|\\n"
)


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of the sentences that ``start:end`` touches, without outer white space."""
    low = max(0, start - _REACH)
    first = start if low else 0
    # One character more than is kept, for a boundary looks at what follows it.
    for match in _BOUNDARY.finditer(text, low, start + 1):
        if match.end() <= start:
            first = match.end()
    if low and first == start:
        first = start
    last = _sentence_end(text, end)
    while first < start and text[first].isspace():
        first += 1
    while last > end and text[last - 1].isspace():
        last -= 1
    return first, last


def sentence_ends(text: str) -> list[int]:
    """Return where each sentence, line or cell of ``text`` ends, in order. Linear."""
    return [match.end() for match in _BOUNDARY.finditer(text)]


def next_sentence(text: str, end: int) -> tuple[int, int]:
    """Return the span of the sentence that begins after ``end``; empty at the end of the text."""
    start = end
    limit = min(len(text), end + _REACH)
    while start < limit and (text[start].isspace() or text[start] in "\"'”’)]}.,:;"):
        start += 1
    return start, _sentence_end(text, start + 1) if start < limit else start


def _sentence_end(text: str, end: int) -> int:
    # The hit may include the mark that ends its sentence.
    if end and end <= len(text) and text[end - 1] in ".!?\n。！？":
        return end
    limit = min(len(text), end + _REACH)
    match = _BOUNDARY.search(text, end, limit)
    if match is None:
        return limit if limit == len(text) else end
    mark = match[0][0]
    return match.end() if mark in ".!?…؟।。！？" else match.start()
