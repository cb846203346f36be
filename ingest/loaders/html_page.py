"""The HTML loader: what a browser would show apart from what it would not.

The only module that imports selectolax. Hidden are: elements hidden by style rules, attributes or
tag, comments, attribute texts, and text that style sheets generate. Visible text keeps its blocks,
list items and table rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from ...core.settings import LoadSettings
from .css import Cascade, Rule, parse_sheet
from .document import HiddenCollector, HiddenText, Json, LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format
from .html_elements import (
    BLOCKS,
    LINES,
    UNSEEN_TAGS,
    Attributes,
    attribute_reason,
    is_data_script,
    presentational,
)
from .html_source import check_nesting, declared_charset, too_deep, without_noscript
from .text_blocks import TextBlocks
from .visibility import Style, computed

_CELL_BLOCKS = "p,div,table,ul,ol,h1,h2,h3,h4,h5,h6,pre,blockquote,br"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The two texts of a page, its title, and how many style sheets were not fetched."""

    text: str
    hidden: tuple[HiddenText, ...]
    title: str
    external_styles: int


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the page; raises `LimitError` for its depth and `LoadError` if it is no text."""
    decoded = decode(data, name, declared_charset(data))
    page = read_page(decoded.text, name, settings)
    facts: dict[str, Json] = {"encoding": decoded.encoding}
    if page.external_styles:
        facts["external_styles"] = page.external_styles
    origin = Origin(name=name, raw=data, media_type=Format.HTML, settings=settings)
    yield make_document(origin, page.text, page.hidden, title=page.title, metadata=facts)


def read_page(markup: str, name: str, settings: LoadSettings, *, keep_blanks: bool = False) -> Page:
    """Split markup (untrusted) into what is shown and what is not.

    ``keep_blanks`` keeps blanks and line ends of text as they are, and adds none for layout.
    """
    check_nesting(markup, name, settings)
    hidden = HiddenCollector()
    shown = without_noscript(markup, hidden)
    return _Reader(LexborHTMLParser(shown), name, settings, hidden, keep_blanks).read()


@dataclass(slots=True)
class _Frame:
    """One open element: its style, why its text is unseen, and where that began."""

    tag: str
    label: str
    depth: int
    parent: _Frame | None
    style: Style
    reason: str
    root: _Frame | None
    unseen: TextBlocks | None = None
    keep_blanks: bool = False
    cells: int = 0
    is_cell: bool = False

    def path(self) -> str:
        """Return the last five steps from the top of the page to here."""
        labels: list[str] = []
        frame: _Frame | None = self
        while frame is not None and len(labels) < 5:
            labels.append(frame.label)
            frame = frame.parent
        return ("… > " if frame is not None else "") + " > ".join(reversed(labels))


class _Reader:
    """Walks a parsed page once, without recursion."""

    def __init__(
        self,
        page: LexborHTMLParser,
        name: str,
        settings: LoadSettings,
        hidden: HiddenCollector,
        keep_blanks: bool,
    ) -> None:
        self._page = page
        self._name = name
        self._settings = settings
        self._hidden = hidden
        self._keep_blanks = keep_blanks
        self._shown = TextBlocks()
        self._title = ""
        self._cascade = Cascade(self._rules(), self._select)

    def read(self) -> Page:
        """Return the page's texts."""
        root = self._page.root
        if root is not None:
            self._walk(root.parent or root)
        external = len(self._page.css('link[rel~="stylesheet"]')) + sum(
            "@import" in (style.text() or "") for style in self._page.css("style")
        )
        text = self._shown.text()
        if self._title and not text.startswith(self._title):
            text = f"{self._title}\n\n{text}"
        return Page(
            text=text,
            hidden=self._hidden.items(),
            title=self._title,
            external_styles=external,
        )

    def _rules(self) -> Iterator[Rule]:
        for style in self._page.css("style"):
            sheet = parse_sheet(style.text() or "")
            for comment in sheet.comments:
                self._hidden.add(comment, "comment", "style sheet")
            for selector, text in sheet.generated:
                self._hidden.add(text, "css-generated-content", selector[:80])
            yield from sheet.rules

    def _select(self, selector: str) -> list[int]:
        try:
            return [node.mem_id for node in self._page.css(selector)]
        except SelectolaxError:
            # Not a selector, to this parser: a browser drops the rule too.
            return []

    def _walk(self, top: LexborNode) -> None:
        stack: list[tuple[LexborNode | None, _Frame | None, int]] = [(top, None, 0)]
        while stack:
            node, frame, index = stack.pop()
            if node is None:
                assert frame is not None  # noqa: S101 - a frame without a node is one to leave
                self._leave(frame)
            elif node.is_text_node:
                self._text(node.text_content or "", frame)
            elif node.is_comment_node:
                where = frame.path() if frame else "top of the page"
                self._hidden.add(node.comment_content, "comment", where)
            elif node.is_element_node or node is top:
                opened = self._enter(node, frame, index) if node.is_element_node else None
                if opened is not None:
                    stack.append((None, opened, 0))
                if opened is None or opened.tag not in {"script", "style", "title"}:
                    children = list(_children(node, opened))
                    stack.extend(
                        (child, opened, i) for i, child in reversed(list(enumerate(children)))
                    )

    def _enter(self, node: LexborNode, parent: _Frame | None, index: int) -> _Frame:
        tag = (node.tag or "").lower()
        attributes = node.attributes
        identity = attributes.get("id")
        frame = _Frame(
            tag=tag,
            label=f"{tag}#{identity[:40]}" if identity else f"{tag}[{index + 1}]",
            depth=parent.depth + 1 if parent else 0,
            parent=parent,
            style=self._style(node, tag, attributes, parent),
            reason="",
            root=None,
            keep_blanks=tag in {"pre", "textarea", "listing"}
            or bool(parent and parent.keep_blanks),
        )
        if frame.depth > self._settings.max_depth:
            raise too_deep(self._name, self._settings)
        frame.reason = self._reason(tag, attributes, frame)
        if frame.reason:
            same = parent is not None and parent.reason == frame.reason
            frame.root = parent.root if same and parent else frame
        self._attributes(tag, attributes, frame)
        self._special(tag, node, attributes, frame)
        self._open_layout(node, frame)
        return frame

    def _style(
        self,
        node: LexborNode,
        tag: str,
        attributes: Attributes,
        parent: _Frame | None,
    ) -> Style:
        declared = self._cascade.declared(node.mem_id, attributes.get("style"))
        old = presentational(tag, attributes)
        if old:
            declared = {**old, **declared}
        return computed(parent.style if parent else Style(), declared)

    def _reason(self, tag: str, attributes: Attributes, frame: _Frame) -> str:
        """Return why the element's text is unseen; what an ancestor removes stays removed."""
        above = frame.parent.reason if frame.parent else ""
        if above and not above.startswith("css-"):
            return above
        if tag in UNSEEN_TAGS:
            return UNSEEN_TAGS[tag]
        if "hidden" in attributes or "popover" in attributes:
            return "hidden-attribute"
        if tag == "dialog" and "open" not in attributes:
            return "hidden-attribute"
        if tag == "title" and frame.parent and frame.parent.tag == "svg":
            return "svg-description"
        if frame.style.hidden_reason:
            return frame.style.hidden_reason
        if (attributes.get("aria-hidden") or "").lower() == "true":
            return "aria-hidden"
        return ""

    def _text(self, text: str, frame: _Frame | None) -> None:
        if frame is None or frame.root is None:
            self._shown.write(
                text, keep_blanks=self._keep_blanks or bool(frame and frame.keep_blanks)
            )
            return
        if frame.root.unseen is None:
            frame.root.unseen = TextBlocks()
        frame.root.unseen.write(text)

    def _leave(self, frame: _Frame) -> None:
        if frame.root is frame and frame.unseen is not None:
            self._hidden.add(frame.unseen.text(), frame.reason, frame.path())
        writer = self._writer(frame)
        if writer is None or self._keep_blanks:
            return
        if frame.tag in BLOCKS and not _in_cell(frame):
            writer.block()
        elif frame.tag in LINES and frame.tag != "br":
            writer.line()

    def _open_layout(self, node: LexborNode, frame: _Frame) -> None:
        writer = self._writer(frame)
        if writer is None or self._keep_blanks:
            return
        if frame.tag in {"td", "th"}:
            self._open_cell(node, frame, writer)
        elif frame.tag in BLOCKS and not _in_cell(frame):
            writer.block()
        elif frame.tag in LINES:
            writer.line()
            if frame.tag == "li":
                writer.write("- ")

    def _open_cell(self, node: LexborNode, frame: _Frame, writer: TextBlocks) -> None:
        """Put the cells of a row on one line, unless a cell holds blocks of its own."""
        row = frame.parent
        first = row is None or row.cells == 0
        if row is not None:
            row.cells += 1
        if node.css_first(_CELL_BLOCKS) is not None:
            writer.block()
            return
        frame.is_cell = True
        if not first:
            writer.write(" | ")

    def _writer(self, frame: _Frame) -> TextBlocks | None:
        return self._shown if frame.root is None else frame.root.unseen

    def _attributes(self, tag: str, attributes: Attributes, frame: _Frame) -> None:
        for name, value in attributes.items():
            if not value:
                continue
            reason = attribute_reason(tag, name, value, attributes)
            if reason:
                self._hidden.add(value, reason, f"{frame.path()} @{name[:60]}")

    def _special(
        self,
        tag: str,
        node: LexborNode,
        attributes: Attributes,
        frame: _Frame,
    ) -> None:
        if tag == "title" and frame.parent and frame.parent.tag == "head" and not self._title:
            self._title = " ".join((node.text() or "").split())
        elif tag == "title":
            self._hidden.add(node.text(), "svg-description", frame.path())
        elif tag == "script" and is_data_script(attributes.get("type")):
            self._hidden.add(node.text(), "script-data", frame.path())
        elif tag == "input" and attributes.get("value") and not frame.reason:
            kind = (attributes.get("type") or "text").lower()
            if kind not in {"hidden", "password", "checkbox", "radio"}:
                self._text(f" {attributes['value']} ", frame)


def _children(node: LexborNode, frame: _Frame | None) -> Iterator[LexborNode]:
    parents = [node]
    if frame is not None and frame.tag == "template":
        parents += node.template_fragments()
    for parent in parents:
        child = parent.first_child
        while child is not None:
            yield child
            child = child.next


def _in_cell(frame: _Frame) -> bool:
    above = frame.parent
    while above is not None and above.tag not in {"table", "body"}:
        if above.is_cell:
            return True
        above = above.parent
    return False
