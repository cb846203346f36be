"""The Markdown loader: the source as it stands, less what a rendered page would not show.

The only module that imports markdown-it-py. Raw HTML in the source is judged by the HTML loader in
its place: everything between is passed to it as escaped text, so that an element that opens in one
block and closes in a later one hides what a browser would hide.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ...core.settings import LoadSettings
from .document import HiddenCollector, LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format
from .html_page import read_page

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
# What follows a link text or an image's label: "(destination 'title')".
_TARGET = re.compile(
    r"\]\(\s*(?:<[^>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)"
    r"(\s+(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))\s*\)"
)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_QUOTE_PREFIX = r"\n[ \t>]*"


@dataclass(frozen=True, slots=True, order=True)
class _Piece:
    """A stretch of the source that is raw HTML, or that is cut from the visible text."""

    start: int
    end: int
    is_html: bool


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the source less comments, front matter, alternative texts, titles and hidden HTML."""
    decoded = decode(data, name)
    source = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    hidden = HiddenCollector()
    front = _FRONT_MATTER.match(source)
    if front:
        hidden.add(front[1], "front-matter", "top of the file")
        # Blank lines keep the line numbers of what follows.
        source = "\n" * front[0].count("\n") + source[front.end() :]
    markup = _Pieces(source, hidden).markup()
    page = read_page(markup, name, settings, keep_blanks=True)
    text = _BLANK_LINES.sub("\n\n", page.text)
    hidden.extend(page.hidden)
    titled = _HEADING.search(text) or (_FRONT_TITLE.search(front[1]) if front else None)
    origin = Origin(name=name, raw=data, media_type=Format.MARKDOWN, settings=settings)
    yield make_document(
        origin,
        text,
        hidden.items(),
        title=titled[1] if titled else "",
        metadata={"encoding": decoded.encoding},
    )


class _Pieces:
    """Finds raw HTML and unseen text in a source, by the tokens of a CommonMark parser."""

    def __init__(self, source: str, hidden: HiddenCollector) -> None:
        self._source = source
        self._hidden = hidden
        self._pieces: list[_Piece] = []
        self._starts = [0, *(match.end() for match in re.finditer("\n", source)), len(source)]

    def markup(self) -> str:
        """Return the source as HTML: its raw HTML as it is, the rest escaped, unseen text cut."""
        environment: dict[str, dict[str, dict[str, object]]] = {}
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        tokens = parser.parse(self._source, environment)
        for token in tokens:
            if token.type == "html_block" and token.map:
                start, end = self._lines(token.map)
                self._pieces.append(_Piece(start, end, True))
            elif token.type == "inline" and token.map:
                self._inline(token.children or [], *self._lines(token.map))
        self._definitions(environment)
        return self._joined()

    def _joined(self) -> str:
        parts = []
        at = 0
        for piece in sorted(self._pieces):
            if piece.start < at:
                continue
            parts.append(escape(self._source[at : piece.start], quote=False))
            if piece.is_html:
                parts.append(self._source[piece.start : piece.end])
            at = piece.end
        parts.append(escape(self._source[at:], quote=False))
        return "".join(parts)

    def _inline(self, children: list[Token], start: int, end: int) -> None:
        cursor = start
        for child in children:
            where = f"line {self._line_of(cursor)}"
            if child.type == "image":
                cursor = self._image(child, cursor, end, where)
            elif child.type == "link_open" and child.attrGet("title"):
                self._hidden.add(str(child.attrGet("title")), "link-title", where)
                self._cut_title(cursor, end)
            elif child.content:
                found = self._find(child.content, cursor, end)
                if found is None:
                    continue
                if child.type == "html_inline":
                    self._pieces.append(_Piece(found[0], found[1], True))
                cursor = found[1]

    def _image(self, image: Token, cursor: int, end: int, where: str) -> int:
        """Cut an image's alternative text and title; return where the search goes on."""
        self._hidden.add(image.content, "alt-text", where)
        self._hidden.add(str(image.attrGet("title") or ""), "title-attribute", where)
        found = self._find(f"![{image.content}]", cursor, end)
        if found is None:
            return cursor
        if image.content:
            self._pieces.append(_Piece(found[0] + 2, found[1] - 1, False))
        return self._cut_title(found[1] - 1, end) or found[1]

    def _cut_title(self, cursor: int, end: int) -> int | None:
        target = _TARGET.search(self._source, cursor, end)
        if target is None:
            return None
        self._pieces.append(_Piece(*target.span(1), False))
        return target.end()

    def _definitions(self, environment: dict[str, dict[str, dict[str, object]]]) -> None:
        """Cut link reference definitions; ``[//]: # (…)`` is the usual way to hide a comment."""
        definitions = [
            *environment.get("references", {}).values(),
            *environment.get("duplicate_refs", []),
        ]
        for definition in definitions:
            lines = definition.get("map") if isinstance(definition, dict) else None
            if not isinstance(lines, list):
                continue
            start, end = self._lines(lines)
            self._pieces.append(_Piece(start, end, False))
            where = f"line {lines[0] + 1}"
            self._hidden.add(self._source[start:end], "link-reference", where)

    def _find(self, content: str, start: int, end: int) -> tuple[int, int] | None:
        """Find a token's content; lines after its first may have a quote's or list's prefix."""
        at = self._source.find(content, start, end)
        if at >= 0:
            return (at, at + len(content))
        if "\n" not in content:
            return None
        spelled = _QUOTE_PREFIX.join(re.escape(line.strip()) for line in content.split("\n"))
        match = re.compile(spelled).search(self._source, start, end)
        return match.span() if match else None

    def _lines(self, lines: list[int]) -> tuple[int, int]:
        last = len(self._starts) - 1
        return self._starts[min(lines[0], last)], self._starts[min(lines[1], last)]

    def _line_of(self, offset: int) -> int:
        return bisect_right(self._starts, offset)
