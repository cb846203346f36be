"""The DOCX loader: what Word prints apart from what only the file holds.

With `docx_format` the only module that knows WordprocessingML, and the only one that imports
python-docx. Seen are: body, tables, text boxes, headers, footers, footnotes and insertions. Hidden
are: vanished, tiny and background-coloured runs, deletions, comments, alternative texts, field
codes, document properties, and text in parts that Word does not print.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml import parse_xml
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from ...core.errors import LoadError
from ...core.settings import LoadSettings
from .colour import Colour
from .document import HiddenCollector, LoadedDocument, Origin, make_document
from .docx_archive import check_archive
from .docx_format import WHITE, Styles, W, hex_colour, number
from .formats import Format

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_V = "{urn:schemas-microsoft-com:vml}"
_MATH_TEXT = f"{_M}t"
_TEXT_TAGS = frozenset({f"{W}t", f"{_A}t", _MATH_TEXT})
# Of docProps/app.xml: what the program writes of itself and counts, in every document.
_PROGRAM_FACTS = frozenset(
    "Template TotalTime Pages Words Characters Application DocSecurity Lines Paragraphs ScaleCrop "  # noqa: SIM905
    "LinksUpToDate CharactersWithSpaces SharedDoc HyperlinksChanged AppVersion lpstr i4".split()
)
_PROPERTIES = ("author", "category", "comments", "keywords", "subject", "title", "identifier")
_BLANKS = {f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}br": "\n", f"{W}cr": "\n"}
_HYPHENS = {f"{W}noBreakHyphen": "-", f"{W}softHyphen": ""}
# 14 inches beside the page, in twips and in English metric units (ECMA-376 part 1, 20.1.2.1).
_FAR_TWIPS = 20_000.0
_FAR_EMU = 12_800_000.0
_TINY_EMU = 40_000.0
# Parts whose text is styling, or that are read on their own.
_SILENT = ("styles", "settings", "theme", "fontTable", "webSettings", "numbering", "people")


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the document; raises `LoadError` if damaged and `LimitError` for a ZIP bomb."""
    check_archive(data, name, settings)
    try:
        document = docx.Document(io.BytesIO(data))
        hidden = HiddenCollector()
        reader = _Reader(document, hidden)
        text = reader.read()
        properties = document.core_properties
        for field in _PROPERTIES:
            hidden.add(str(getattr(properties, field)), "metadata", f"document property {field}")
    except (PackageNotFoundError, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise LoadError(
            f"'{name}' refused: a damaged DOCX ({type(error).__name__}); save it again"
        ) from error
    origin = Origin(name=name, raw=data, media_type=Format.DOCX, settings=settings)
    yield make_document(origin, text, hidden.items(), title=str(properties.title))


@dataclass(frozen=True, slots=True)
class _Place:
    """What surrounds a run: where it stands, its background (None: unknown), and what hides it."""

    where: str
    background: Colour | None = WHITE
    reason: str = ""
    style: str = ""


class _Reader:
    """Walks the parts of a document; depth is bounded by libxml2's limit of 256."""

    def __init__(self, document: Any, hidden: HiddenCollector) -> None:
        self._document = document
        self._hidden = hidden
        self._read: set[str] = {str(document.part.partname)}
        parts = {str(part.partname): part for part in document.part.package.iter_parts()}
        self._parts: dict[str, Any] = parts
        styles = parts.get("/word/styles.xml")
        self._styles = Styles(None if styles is None else _root(styles))

    def read(self) -> str:
        """Return the seen text; the rest goes to the collector."""
        root = self._document.element
        background = root.find(f"{W}background")
        page = hex_colour(background.get(f"{W}color")) if background is not None else None
        body = self._blocks(root.find(f"{W}body"), _Place("body", page or WHITE))
        headers = self._stories("header")
        footers = self._stories("footer")
        notes = self._stories("footnotes") + self._stories("endnotes")
        self._comments()
        self._other_parts()
        return "\n\n".join([*headers, *body, *notes, *footers])

    def _stories(self, kind: str) -> list[str]:
        """Return the blocks of header, footer or note parts; repeated ones once."""
        found: dict[str, None] = {}
        for name, part in sorted(self._parts.items()):
            if part.content_type.endswith(f".{kind}+xml"):
                self._read.add(name)
                root = _root(part)
                stories = list(root) if kind.endswith("notes") else [root]
                for story in stories:
                    # ECMA-376 part 1, 17.11.10: separators are notes with a type.
                    if story.get(f"{W}type") in {None, "normal"}:
                        place = _Place(name)
                        found.update(dict.fromkeys(self._blocks(story, place)))
        return list(found)

    def _comments(self) -> None:
        for name, part in self._parts.items():
            if part.content_type.endswith(".comments+xml"):
                self._read.add(name)
                for comment in _root(part).iter(f"{W}comment"):
                    text = "\n".join(_texts(comment))
                    self._hidden.add(text, "comment", f"comment {comment.get(f'{W}id', '')}")

    def _other_parts(self) -> None:
        """Keep the text of parts that nothing above has read: diagrams, custom XML, glossaries."""
        for name, part in sorted(self._parts.items()):
            kind = name.rsplit("/", 1)[-1]
            if name in self._read or kind.startswith(_SILENT) or name == "/docProps/core.xml":
                continue
            if part.content_type.endswith("xml"):
                try:
                    text = "\n".join(_texts(_root(part), every=not name.startswith("/word/")))
                except etree.XMLSyntaxError:
                    text = part.blob.decode("utf-8", "replace")
                self._hidden.add(text, "docx-part", name)
            elif part.content_type.startswith(("text/", "message/", "application/xhtml")):
                self._hidden.add(part.blob.decode("utf-8", "replace"), "docx-part", name)

    def _blocks(self, parent: Any, place: _Place) -> list[str]:
        """Return the seen text of each paragraph and table row below an element, in order."""
        blocks: list[str] = []
        for child in _elements(parent):
            if child.tag == f"{W}p":
                blocks += self._paragraph(child, place)
            elif child.tag == f"{W}tbl":
                rows = self._table(child, place)
                blocks += ["\n".join(rows)] if rows else []
            elif child.tag in {f"{W}del", f"{W}moveFrom"}:
                blocks += self._blocks(child, replace(place, reason="tracked-deletion"))
            elif child.tag not in {f"{W}sectPr", f"{W}tcPr", f"{W}sdtPr"}:
                blocks += self._blocks(child, place)
        return [block for block in blocks if block.strip()]

    def _table(self, table: Any, place: _Place) -> list[str]:
        style = table.find(f"{W}tblPr/{W}tblStyle")
        if style is not None and self._styles.shades(style.get(f"{W}val", "")):
            place = replace(place, background=None)
        rows = []
        for row in table.iter(f"{W}tr"):
            if next(row.iterancestors(f"{W}tbl"), None) is not table:
                continue
            hidden_row = row.find(f"{W}trPr/{W}hidden") is not None
            inside = replace(place, reason="vanished-run") if hidden_row else place
            cells = [
                " ".join(self._cell(cell, inside))
                for cell in row.iter(f"{W}tc")
                if next(cell.iterancestors(f"{W}tr"), None) is row
            ]
            if any(cell.strip() for cell in cells):
                rows.append(" | ".join(cells))
        return rows

    def _cell(self, cell: Any, place: _Place) -> list[str]:
        fill = _fill(cell.find(f"{W}tcPr/{W}shd"))
        return self._blocks(cell, replace(place, background=fill) if fill else place)

    def _paragraph(self, paragraph: Any, place: _Place) -> list[str]:
        properties = paragraph.find(f"{W}pPr")
        listed = False
        if properties is not None:
            style = properties.find(f"{W}pStyle")
            fill = _fill(properties.find(f"{W}shd"))
            listed = properties.find(f"{W}numPr") is not None
            place = replace(
                place,
                style="" if style is None else style.get(f"{W}val", ""),
                background=fill or place.background,
                reason=place.reason or ("docx-off-page" if _is_moved_away(properties) else ""),
            )
        line = _Line(self._hidden, place.where)
        boxes: list[str] = []
        self._inline(paragraph, place, line, boxes)
        text = line.text()
        return [f"- {text}" if listed and text.strip() else text, *boxes]

    def _inline(self, parent: Any, place: _Place, line: _Line, boxes: list[str]) -> None:
        for child in _elements(parent):
            tag = child.tag
            if tag == f"{W}r":
                self._run(child, place, line, boxes)
            elif tag in {f"{W}del", f"{W}moveFrom"}:
                deleted = replace(place, reason=place.reason or "tracked-deletion")
                self._inline(child, deleted, line, boxes)
            elif tag == f"{W}fldSimple":
                self._hidden.add(child.get(f"{W}instr"), "field-code", place.where)
                self._inline(child, place, line, boxes)
            elif tag == f"{W}hyperlink":
                self._hidden.add(child.get(f"{W}tooltip"), "title-attribute", place.where)
                self._inline(child, place, line, boxes)
            elif tag == _MATH_TEXT:
                line.write(child.text or "", place.reason)
            elif tag not in {f"{W}pPr", f"{W}sdtPr", f"{W}rPr"}:
                self._inline(child, place, line, boxes)

    def _run(self, run: Any, place: _Place, line: _Line, boxes: list[str]) -> None:
        reason = place.reason or self._styles.of_run(run, place.style).reason(place.background)
        for child in _elements(run):
            tag = child.tag
            if tag == f"{W}t":
                line.write(child.text or "", reason)
            elif tag in _BLANKS or tag in _HYPHENS:
                line.write(_BLANKS.get(tag, _HYPHENS.get(tag, "")), reason)
            elif tag == f"{W}delText":
                line.write(child.text or "", "tracked-deletion")
            elif tag in {f"{W}instrText", f"{W}delInstrText"}:
                self._hidden.add(child.text, "field-code", place.where)
            elif tag in {f"{W}drawing", f"{W}pict", f"{W}object", f"{_MC}AlternateContent"}:
                boxes += self._drawing(child, replace(place, reason=reason))
            elif tag == f"{W}ruby":
                self._inline(child, place, line, boxes)

    def _drawing(self, drawing: Any, place: _Place) -> list[str]:
        """Return the text of text boxes; the shapes' alternative texts are hidden."""
        if drawing.tag == f"{_MC}AlternateContent":
            # The fallback repeats the choice for old readers.
            choice = drawing.find(f"{_MC}Choice")
            drawing = drawing if choice is None else choice
        blocks: list[str] = []
        for item in drawing.iter():
            if not isinstance(item.tag, str):
                continue
            for attribute in ("descr", "title", "alt"):
                if item.tag.endswith(("}docPr", "}cNvPr", "}shape", "}rect", "}imagedata")):
                    self._hidden.add(item.get(attribute), "alt-text", place.where)
            if item.tag == f"{_V}textpath":
                blocks.append(item.get("string", ""))
            if item.tag == f"{W}txbxContent" and _nearest_box(item) is _nearest_box(drawing):
                inside = replace(
                    place,
                    where=f"{place.where}, text box",
                    background=None,
                    reason=place.reason or _shape_reason(item),
                )
                blocks += self._blocks(item, inside)
        return blocks


class _Line:
    """One paragraph's text: seen pieces, and unseen ones gathered while their reason lasts."""

    def __init__(self, hidden: HiddenCollector, where: str) -> None:
        self._hidden = hidden
        self._where = where
        self._seen: list[str] = []
        self._unseen: list[str] = []
        self._reason = ""

    def write(self, text: str, reason: str) -> None:
        """Add text that is unseen for ``reason``, or seen if that is empty."""
        if reason != self._reason:
            self._flush()
            self._reason = reason
        (self._unseen if reason else self._seen).append(text)

    def text(self) -> str:
        """End the paragraph and return what is seen."""
        self._flush()
        return "".join(self._seen).strip()

    def _flush(self) -> None:
        self._hidden.add("".join(self._unseen), self._reason, self._where)
        self._unseen = []


def _root(part: Any) -> Any:
    element = getattr(part, "element", None)
    return parse_xml(part.blob) if element is None else element


def _elements(parent: Any) -> Iterator[Any]:
    """Yield child elements; XML comments, entities and instructions have no text to show."""
    for child in parent:
        if isinstance(child.tag, str):
            yield child


def _texts(root: Any, *, every: bool = False) -> Iterator[str]:
    """Yield the text of text elements, or with ``every`` of all elements."""
    for element in root.iter():
        if not isinstance(element.tag, str) or not (element.text or "").strip():
            continue
        name = etree.QName(element.tag).localname
        if element.tag in _TEXT_TAGS or (every and name not in _PROGRAM_FACTS):
            yield element.text.strip()


def _fill(shade: Any | None) -> Colour | None:
    return None if shade is None else hex_colour(shade.get(f"{W}fill"))


def _is_moved_away(properties: Any) -> bool:
    """Return whether a paragraph's frame or indent puts it beside the page."""
    for item in (properties.find(f"{W}framePr"), properties.find(f"{W}ind")):
        if item is not None:
            for key in ("x", "y", "left", "start", "right", "end", "firstLine"):
                if abs(number(item.get(f"{W}{key}"), 0.0)) > _FAR_TWIPS:
                    return True
    return False


def _nearest_box(element: Any) -> Any | None:
    return next(element.iterancestors(f"{W}txbxContent"), None)


def _shape_reason(content: Any) -> str:
    """Return why the shape around a text box's content is not seen, or an empty string."""
    for shape in content.iterancestors():
        style = (shape.get("style") or "").replace(" ", "").lower()
        if "visibility:hidden" in style or "display:none" in style:
            return "docx-hidden-shape"
        if shape.tag not in {f"{_WP}anchor", f"{_WP}inline"}:
            continue
        properties = shape.find(f"{_WP}docPr")
        if properties is not None and properties.get("hidden") in {"1", "true"}:
            return "docx-hidden-shape"
        extent = shape.find(f"{_WP}extent")
        if extent is not None and min(number(extent.get(k), 1e9) for k in ("cx", "cy")) < _TINY_EMU:
            return "docx-hidden-shape"
        for offset in shape.iter(f"{_WP}posOffset"):
            if abs(number(offset.text, 0.0)) > _FAR_EMU:
                return "docx-off-page"
        return ""
    return ""
