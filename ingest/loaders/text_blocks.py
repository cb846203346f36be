"""Writes inline text into lines and blocks, collapsing blanks as a page's layout does."""

from __future__ import annotations

import re

_BLANKS = re.compile(r"[ \t\n\r\f]+")


class TextBlocks:
    """Collects text; `line` and `block` end what was written before, once, however often called."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._breaks = 0
        self._space = False

    def write(self, text: str, *, keep_blanks: bool = False) -> None:
        """Add inline text; runs of blanks become one, unless they are to be kept."""
        if keep_blanks:
            if text:
                self._flush()
                self._parts.append(text)
            return
        words = _BLANKS.sub(" ", text)
        if words.startswith(" "):
            self._space = True
        inner = words.strip(" ")
        if inner:
            self._flush()
            self._parts.append(inner)
        if inner and words.endswith(" "):
            self._space = True

    def line(self) -> None:
        """End the line."""
        self._breaks = max(self._breaks, 1)

    def block(self) -> None:
        """End the paragraph."""
        self._breaks = 2

    def text(self) -> str:
        """Return what was written."""
        return "".join(self._parts).strip()

    def _flush(self) -> None:
        if self._breaks and self._parts:
            self._parts.append("\n" * self._breaks)
        elif self._space and self._parts:
            self._parts.append(" ")
        self._breaks = 0
        self._space = False
