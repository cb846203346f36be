"""The RE2 adapter: many patterns matched in linear time; the only module that imports re2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from ...core.errors import SettingsError
from .prefilter import Prefilter

SEGMENT_BYTES = 8_192
OVERLAP_BYTES = 1_024
"""Longer than matches are: the gaps of rules count words, and canonical white space is short."""


class PatternSet:
    """Patterns behind a prefilter, which finds in one pass the few that can occur in a text.

    Raises `SettingsError` naming the pattern that does not compile.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = [compiled(pattern) for pattern in patterns]
        self._prefilter = Prefilter(patterns)

    def spans(self, segment: Segment) -> Iterator[tuple[int, int, int]]:
        """Yield ``(pattern, start, end)`` in characters of the text for every match in it.

        Matches of one pattern come from the left, without overlaps or empty ones.
        """
        for index in self._prefilter.candidates(segment.folded()):
            for match in self._compiled[index].finditer(segment.data):
                start, end = match.span()
                if end > start:
                    yield index, segment.position(start), segment.position(end)


class Gates:
    """A few patterns of which only it matters whether they occur; one automaton of them all."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._set = re2.Set.SearchSet()
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def open(self, data: bytes) -> list[int]:
        """Return the indexes of the patterns that occur in ``data``, which is UTF-8."""
        return list(self._set.Match(data) or ())


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text as UTF-8; ``first`` is the character of the text that it begins with."""

    data: bytes
    first: int
    is_ascii: bool

    def folded(self) -> bytes:
        """Return the bytes of the case-folded text."""
        return self.data.lower() if self.is_ascii else self.data.decode().casefold().encode()

    def span(self) -> tuple[int, int]:
        """Return the stretch of the text that the segment is."""
        return self.first, self.position(len(self.data))

    def position(self, byte: int) -> int:
        """Return the character of the text that starts at ``byte`` of the segment."""
        return self.first + (byte if self.is_ascii else len(self.data[:byte].decode()))


def segments(text: str) -> Iterator[Segment]:
    """Yield overlapping segments of ``text``; each character is in one at least."""
    data = text.encode("utf-8", "replace")
    is_ascii = len(data) == len(text)
    if len(data) <= SEGMENT_BYTES + OVERLAP_BYTES:
        yield Segment(data, 0, is_ascii)
        return
    position = 0
    for start in range(0, len(data), SEGMENT_BYTES):
        first, following = _boundary(data, start), _boundary(data, start + SEGMENT_BYTES)
        last = _boundary(data, start + SEGMENT_BYTES + OVERLAP_BYTES)
        yield Segment(data[first:last], position, is_ascii)
        position += following - first if is_ascii else len(data[first:following].decode())


def compiled(pattern: str) -> Any:
    """Compile one pattern; raise `SettingsError` that says why it cannot be."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        why = error.args[0]
        why = why.decode() if isinstance(why, bytes) else str(why)
        raise SettingsError(
            f"pattern {pattern!r} is not RE2 syntax: {why}; "
            "RE2 knows no look-around and no back-references"
        ) from error


def _boundary(data: bytes, byte: int) -> int:
    while byte < len(data) and data[byte] & 0xC0 == 0x80:
        byte -= 1
    return min(byte, len(data))
