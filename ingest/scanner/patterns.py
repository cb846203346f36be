"""The RE2 adapter: many patterns matched in one linear pass; the only module that imports re2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import re2

from ...core.errors import SettingsError

SEGMENT_BYTES = 8_192
OVERLAP_BYTES = 1_024
"""Longer than matches are: the gaps of rules count words, and canonical white space is short."""


class PatternSet:
    """Patterns behind prefilters, which find in two passes the few that can occur in a text.

    A prefilter is RE2's own (FilteredRE2: a boolean of the literals that each pattern needs). One
    automaton of all patterns was measured five to ten times slower, for its states multiply; for
    the same reason two prefilters of half the patterns take half the time of one.
    Raises `SettingsError` naming the pattern that does not compile.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        half = (len(patterns) + 1) // 2
        self._halves = [_compiled(part) for part in (patterns[:half], patterns[half:]) if part]
        self._half = half

    def spans(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield ``(pattern, start, end)`` in bytes for every match in ``data``, which is UTF-8.

        Matches of one pattern come from the left, without overlaps or empty ones.
        """
        for number, (prefilter, compiled) in enumerate(self._halves):
            for index in prefilter.Match(data, potential=True) or ():
                for match in compiled[index].finditer(data):
                    start, end = match.span()
                    if end > start:
                        yield number * self._half + index, start, end


def _compiled(patterns: Sequence[str]) -> tuple[Any, list[Any]]:
    options = re2.Options()
    options.log_errors = False
    prefilter = re2.Filter()
    for pattern in patterns:
        try:
            prefilter.Add(pattern, options)
        except re2.error as error:
            raise SettingsError(
                f"pattern {pattern!r} is not RE2 syntax: {_why(pattern)}; "
                "RE2 knows no look-around and no back-references"
            ) from error
    prefilter.Compile()
    return prefilter, [prefilter.re(index) for index in range(len(patterns))]


class Gates:
    """A few patterns of which only it matters whether they occur."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = [re2.compile(pattern) for pattern in patterns]

    def open(self, data: bytes) -> list[int]:
        """Return the indexes of the patterns that occur in ``data``, which is UTF-8."""
        return [index for index, gate in enumerate(self._compiled) if gate.search(data)]


class EncodedText:
    """A text as UTF-8, cut into overlapping segments, with byte offsets told in characters."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8", "replace")
        self._starts: Any = None
        self._ascii = len(self.data) == len(text)

    def segments(self) -> Iterator[tuple[int, bytes]]:
        """Yield ``(first byte, bytes)``; each character is in one segment at least, whole."""
        if len(self.data) <= SEGMENT_BYTES + OVERLAP_BYTES:
            yield 0, self.data
            return
        for start in range(0, len(self.data), SEGMENT_BYTES):
            first = self._boundary(start)
            last = self._boundary(start + SEGMENT_BYTES + OVERLAP_BYTES)
            yield first, self.data[first:last]

    def characters(self, byte: int) -> int:
        """Return how many characters start before ``byte``."""
        if self._ascii:
            return byte
        if self._starts is None:
            codes = np.frombuffer(self.data, dtype=np.uint8)
            self._starts = np.flatnonzero((codes & 0xC0) != 0x80)
        return int(np.searchsorted(self._starts, byte))

    def _boundary(self, byte: int) -> int:
        while byte < len(self.data) and self.data[byte] & 0xC0 == 0x80:
            byte -= 1
        return min(byte, len(self.data))


def _why(pattern: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error as error:
        return str(error.args[0].decode() if isinstance(error.args[0], bytes) else error)
    return "too large"
