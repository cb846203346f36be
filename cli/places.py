"""Where in a file a span of its extracted text stands: lines and columns, or honestly nowhere.

Only text that the loader took from the file as it stands has lines. What was read out of HTML,
PDF, DOCX, mail, CSV or JSON has none, and a row of JSON Lines has its line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..ingest.loaders import LoadedDocument
from ..ingest.loaders.document import clean_text
from ..ingest.loaders.encoding import decode
from ..ingest.loaders.formats import Format

_LINE_END = re.compile(r"\r\n|\r|\n")

_TELLING_CHARS = 12
"""A shorter fragment may stand in what was left out, and again by chance."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A region of a file, from 1, the end column exclusive; ``offset`` counts characters from 0.

    Columns and offsets are None where only the lines are known.
    """

    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    offset: int | None = None
    length: int | None = None

    def __str__(self) -> str:
        column = "" if self.start_column is None else f", column {self.start_column}"
        return f"line {self.start_line}{column}"


Locate = Callable[[Span], Place | None]


def locator(document: LoadedDocument, name: str, row: int | None) -> Locate:
    """Return what finds spans of a document's text in the file ``name``; ``row`` is its line."""
    if document.media_type == Format.JSON_LINES:
        place = Place(start_line=row, end_line=row) if row is not None else None
        return lambda _: place
    # A part of a file (an attachment) has bytes of its own, and no lines of the file.
    is_file = str(document.document) == clean_text(name)
    if not is_file or document.media_type not in (Format.TEXT, Format.MARKDOWN):
        return lambda _: None
    return _Source(decode(document.raw, name).text, document.text).place


class RowLines:
    """Finds the lines of JSON Lines documents in their file, in order."""

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._lines = _numbered(path, max_line_bytes + len(b"\r\n"))

    def line_of(self, document: LoadedDocument) -> int | None:
        """Return the number of the next line that is the document's, or None if none is."""
        if document.media_type != Format.JSON_LINES:
            return None
        return next((number for number, line in self._lines if line == document.raw), None)


def _numbered(path: Path, room: int) -> Iterator[tuple[int, bytes]]:
    number = 0
    with path.open("rb") as stream:
        while part := stream.readline(room):
            number += 1
            yield number, part.rstrip(b"\r\n")
            while len(part) == room and not part.endswith(b"\n"):
                part = stream.readline(room)


class _Source:
    """A decoded file, its lines as they end in the file and as the loader makes them end."""

    def __init__(self, source: str, text: str) -> None:
        self._text = text
        self._source = clean_text(source)
        self._starts = [0, *(match.end() for match in re.finditer("\n", self._source))]
        self._in_file = [0, *(match.end() for match in _LINE_END.finditer(source))]
        lead = len(self._source) - len(self._source.lstrip())
        self._lead = lead if self._source.strip() == text else None

    def place(self, span: Span) -> Place | None:
        """Return the place of ``text[span]``, or None if it cannot be told for certain."""
        if self._lead is not None:
            return self._place(self._lead + span[0], span[1] - span[0])
        for around in (span, _lines(self._text, span)):
            at = self._counted(self._text[around[0] : around[1]], around[0])
            if at is not None:
                return self._place(at + span[0] - around[0], span[1] - span[0])
        return self._broken(span)

    def _broken(self, span: Span) -> Place | None:
        """Return the lines of one half, where something was left out of the other (a label)."""
        middle = (span[0] + span[1]) // 2
        for start, end in ((middle, span[1]), (span[0], middle)):
            fragment = self._text[start:end]
            at = self._counted(fragment, start) if len(fragment) >= _TELLING_CHARS else None
            if at is not None:
                place = self._place(at, len(fragment))
                return Place(start_line=place.start_line, end_line=place.end_line)
        return None

    def _counted(self, fragment: str, start: int) -> int | None:
        """Return where a fragment stands in the source, if both hold it equally often.

        A text made from the source by leaving things out keeps the order, so the fragment's nth
        occurrence in the one is the nth in the other, unless a copy of it was left out.
        """
        if not fragment or self._text.count(fragment) != self._source.count(fragment):
            return None
        at = -len(fragment)
        for _ in range(self._text.count(fragment, 0, start) + 1):
            at = self._source.find(fragment, at + len(fragment))
        return at if at >= 0 else None

    def _place(self, start: int, length: int) -> Place:
        (first, begin), (last, end) = self._position(start), self._position(start + length)
        offset = self._in_file[first] + begin
        return Place(
            start_line=first + 1,
            end_line=last + 1,
            start_column=begin + 1,
            end_column=end + 1,
            offset=offset,
            length=self._in_file[last] + end - offset,
        )

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset) - 1
        return line, offset - self._starts[line]


def _lines(text: str, span: Span) -> Span:
    """Return the lines that hold a span, whole."""
    end = text.find("\n", span[1])
    return text.rfind("\n", 0, span[0]) + 1, len(text) if end < 0 else end
