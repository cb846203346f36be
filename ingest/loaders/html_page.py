"""The HTML loader: what a browser would show apart from what it would not.

The only module that imports selectolax. Hidden are: elements hidden by style rules, attributes or
tag, comments, attribute texts, and text that style sheets generate. Visible text keeps its blocks,
list items and table rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from ...core.errors import LimitError
from ...core.settings import LoadSettings
from .css import Cascade, Rule, Tokens, parse_colour, parse_sheet, parse_value
from .document import HiddenCollector, HiddenText, Json, LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format
from .text_blocks import TextBlocks
from .visibility import Style, computed

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "ul",
        "caption",
    ]
)
_LINES = frozenset({"li", "tr", "option", "optgroup", "br", "tbody", "thead", "tfoot"})
_PREFORMATTED = frozenset({"pre", "textarea", "listing"})
# Never shown, or shown only by a browser that lacks what every browser has.
_UNSEEN_TAGS = {
    "template": "html-template",
    "noframes": "html-fallback",
    "noembed": "html-fallback",
    "iframe": "html-fallback",
    "object": "html-fallback",
    "video": "html-fallback",
    "audio": "html-fallback",
    "canvas": "html-fallback",
    "datalist": "html-fallback",
    "head": "metadata",
    "metadata": "metadata",
    "desc": "svg-description",
    "annotation": "math-annotation",
    "annotation-xml": "math-annotation",
    "rp": "html-fallback",
}
_TEXT_ATTRIBUTES = {
    "alt": "alt-text",
    "title": "title-attribute",
    "summary": "title-attribute",
    "placeholder": "title-attribute",
    "label": "title-attribute",
    "srcdoc": "iframe-srcdoc",
}
# A value this short and without a blank is an id or a flag; it cannot carry an instruction.
_MIN_DATA_CHARS = 24
_CELL_BLOCKS = "p,div,table,ul,ol,h1,h2,h3,h4,h5,h6,pre,blockquote,br"
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE
)
_CHARSET_WITHIN = 1024  # HTML Standard 13.2.3.2: the prescan stops here

# The parser takes quadratic time in depth (25 s at 100,000 levels), so depth is bounded before it
# runs: generously, since tags in scripts count too. The true depth is checked on the tree.
_MAX_OPEN_TAGS = 5_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
# Void, or closed by the next of their kind: these do not nest however many there are.
_NOSCRIPT = re.compile(r"<noscript\b[^>]*>", re.IGNORECASE)
_NOSCRIPT_END = re.compile(r"</noscript\b[^>]*>", re.IGNORECASE)
_FLAT_TAGS = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dt",
        "dd",
        "option",
        "optgroup",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "colgroup",
        "rt",
        "rp",
        "frame",
        "basefont",
        "bgsound",
        "keygen",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The two texts of a page, its title, and how many style sheets were not fetched."""

    text: str
    hidden: tuple[HiddenText, ...]
    title: str
    external_styles: int


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the page; raises `LimitError` for its depth and `LoadError` if it is no text."""
    declared = _CHARSET.search(data[:_CHARSET_WITHIN])
    decoded = decode(data, name, declared[1].decode("ascii") if declared else None)
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
    _check_nesting(markup, name, settings)
    hidden = HiddenCollector()
    shown = _without_noscript(markup, hidden)
    return _Reader(LexborHTMLParser(shown), name, settings, hidden, keep_blanks).read()


def _without_noscript(markup: str, hidden: HiddenCollector) -> str:
    """Cut ``<noscript>`` elements out as raw text, which is what a browser with scripts sees.

    The parser reads their content as elements instead, and could be made to end them early.
    """
    parts = []
    at = 0
    while opening := _NOSCRIPT.search(markup, at):
        closing = _NOSCRIPT_END.search(markup, opening.end())
        inner_end = closing.start() if closing else len(markup)
        hidden.add(markup[opening.end() : inner_end], "html-noscript", "noscript")
        parts.append(markup[at : opening.start()])
        at = closing.end() if closing else len(markup)
    return "".join([*parts, markup[at:]])


def _check_nesting(markup: str, name: str, settings: LoadSettings) -> None:
    open_tags: dict[str, int] = {}
    depth = 0
    for closing, tag in _TAG.findall(markup):
        kind = tag.lower()
        if kind in _FLAT_TAGS:
            continue
        count = open_tags.get(kind, 0)
        if closing and count:
            open_tags[kind] = count - 1
            depth -= 1
        elif not closing:
            open_tags[kind] = count + 1
            depth += 1
            if depth > _MAX_OPEN_TAGS:
                raise _too_deep(name, settings)


def _too_deep(name: str, settings: LoadSettings) -> LimitError:
    return LimitError(
        f"'{name}' refused: nested deeper than {settings.max_depth} levels (load.max_depth)"
    )


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
            raise _too_deep(self._name, self._settings)
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
        attributes: Mapping[str, str | None],
        parent: _Frame | None,
    ) -> Style:
        declared = self._cascade.declared(node.mem_id, attributes.get("style"))
        presentational = _presentational(tag, attributes)
        if presentational:
            declared = {**presentational, **declared}
        return computed(parent.style if parent else Style(), declared)

    def _reason(self, tag: str, attributes: Mapping[str, str | None], frame: _Frame) -> str:
        """Return why the element's text is unseen; what an ancestor removes stays removed."""
        above = frame.parent.reason if frame.parent else ""
        if above and not above.startswith("css-"):
            return above
        if tag in _UNSEEN_TAGS:
            return _UNSEEN_TAGS[tag]
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
        if frame.tag in _BLOCKS and not _in_cell(frame):
            writer.block()
        elif frame.tag in _LINES and frame.tag != "br":
            writer.line()

    def _open_layout(self, node: LexborNode, frame: _Frame) -> None:
        writer = self._writer(frame)
        if writer is None or self._keep_blanks:
            return
        if frame.tag in {"td", "th"}:
            self._open_cell(node, frame, writer)
        elif frame.tag in _BLOCKS and not _in_cell(frame):
            writer.block()
        elif frame.tag in _LINES:
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

    def _attributes(self, tag: str, attributes: Mapping[str, str | None], frame: _Frame) -> None:
        for name, value in attributes.items():
            if not value:
                continue
            reason = _attribute_reason(tag, name, value, attributes)
            if reason:
                self._hidden.add(value, reason, f"{frame.path()} @{name[:60]}")

    def _special(
        self,
        tag: str,
        node: LexborNode,
        attributes: Mapping[str, str | None],
        frame: _Frame,
    ) -> None:
        if tag == "title" and frame.parent and frame.parent.tag == "head" and not self._title:
            self._title = " ".join((node.text() or "").split())
        elif tag == "title":
            self._hidden.add(node.text(), "svg-description", frame.path())
        elif tag == "script" and _is_data_script(attributes.get("type")):
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


def _attribute_reason(tag: str, name: str, value: str, attributes: Mapping[str, str | None]) -> str:
    """Return the reason under which an attribute's text is kept, or an empty string."""
    if name in _TEXT_ATTRIBUTES:
        return _TEXT_ATTRIBUTES[name]
    if tag == "meta":
        return "metadata" if name == "content" else ""
    if tag == "input" and name == "value":
        return "hidden-input" if (attributes.get("type") or "").lower() == "hidden" else ""
    if name.startswith("aria-") and name not in {"aria-hidden", "aria-expanded"}:
        return "aria-label" if _is_wordy(value) or name == "aria-label" else ""
    if name.startswith("data-") and _is_wordy(value):
        return "data-attribute"
    return ""


def _is_wordy(value: str) -> bool:
    return len(value) >= _MIN_DATA_CHARS or " " in value.strip()


def _is_data_script(kind: str | None) -> bool:
    """Return whether a script element holds data, such as JSON-LD or a template, not code."""
    kind = (kind or "").lower()
    return bool(kind) and "javascript" not in kind and kind not in {"module", "importmap"}


def _in_cell(frame: _Frame) -> bool:
    above = frame.parent
    while above is not None and above.tag not in {"table", "body"}:
        if above.is_cell:
            return True
        above = above.parent
    return False


def _presentational(tag: str, attributes: Mapping[str, str | None]) -> dict[str, Tokens]:
    """Return the colours that old attributes set; they rank below every style rule."""
    found: dict[str, Tokens] = {}
    old = {"color": attributes.get("color") if tag == "font" else None}
    if tag == "body":
        old["color"] = attributes.get("text")
    old["background-color"] = attributes.get("bgcolor")
    for name, value in old.items():
        if value:
            for spelled in (value, f"#{value}"):
                tokens = parse_value(spelled.strip())
                if parse_colour(tokens) is not None:
                    found[name] = tokens
                    break
    if attributes.get("background"):
        found["background-image"] = parse_value("url(x)")
    return found
