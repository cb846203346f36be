"""The RE2 adapter: many patterns matched in one linear pass; the only module that imports re2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import re2

from ...core.errors import SettingsError

SEGMENT_BYTES = 8_192
OVERLAP_BYTES = 1_024
"""Longer than any match of a shipped rule, so that no match is lost between two segments."""
_SET_MEMORY_BYTES = 256 << 20


class PatternSet:
    """Patterns compiled to one automaton that tells which of them occur, and one each to tell where.

    Raises `SettingsError` naming the pattern that does not compile.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _SET_MEMORY_BYTES
        self._set = re2.Set.SearchSet(options)
        self._sources = tuple(patterns)
        self._compiled: dict[int, Any] = {}
        for pattern in patterns:
            try:
                self._set.Add(pattern)
            except re2.error as error:
                raise SettingsError(
                    f"pattern {pattern!r} is not RE2 syntax: {_why(pattern)}; "
                    "RE2 knows no look-around and no back-references"
                ) from error
        if patterns:
            self._set.Compile()

    def occurring(self, data: bytes) -> list[int]:
        """Return the indexes of the patterns that occur in ``data``, which is UTF-8."""
        return list(self._set.Match(data) or ()) if self._sources else []

    def spans(self, index: int, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the byte spans of one pattern, from the left, without overlaps or empty ones."""
        for match in self._regexp(index).finditer(data):
            if match.end() > match.start():
                yield match.span()

    def _regexp(self, index: int) -> Any:
        if index not in self._compiled:
            self._compiled[index] = re2.compile(self._sources[index])
        return self._compiled[index]


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
