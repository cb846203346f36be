"""The PDF loader: the text that a page shows, and the text that is only in the file.

The only module that imports pypdfium2. Each text object is judged by what it declares (render mode,
colour, alpha, size, place) and by the rendered page: an object in whose box nothing is drawn, or
whose colour is that of its surroundings, is not seen. So layers that are off, text under an image
and clipped text are found too. What a font draws for a character is not checked.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from ...core.errors import LimitError, LoadError
from ...core.settings import LoadSettings
from .document import HiddenCollector, LoadedDocument, Origin, make_document
from .formats import Format

Box = tuple[float, float, float, float]

_TINY_PT = 3.0
_INVISIBLE_MODE = 3  # ISO 32000-1 table 106: neither fill nor stroke
_CLIP_MODE = 7
_STROKE_MODES = frozenset({1, 5})
_MIN_ALPHA = 13  # of 255
# Least difference in a channel, of 255, that a reader can tell on a common screen.
_MIN_INK = 16
_HALF_SCALE = 128
_MAX_PIXELS = 4_000_000
_MIN_JUDGED_PIXELS = 2
_END_WITHIN_BYTES = 2_048
_MAX_FORM_DEPTH = 8
_DATES = frozenset({"CreationDate", "ModDate"})
# PDFium marks a hyphen at a line's end with these.
_HYPHEN_MARKS = {0xFFFE: None, 0x02: None}


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the document; raises `LoadError` if damaged or encrypted, `LimitError` if too long."""
    if b"%%EOF" not in data[-_END_WITHIN_BYTES:]:
        raise LoadError(f"'{name}' refused: a truncated PDF, its end is missing; save it again")
    document = _open(data, name)
    try:
        if len(document) > settings.max_pages:
            raise LimitError(
                f"'{name}' refused: {len(document)} pages, the limit is {settings.max_pages} "
                "(load.max_pages)"
            )
        if len(document) == 0:
            raise LoadError(f"'{name}' refused: a damaged PDF without pages; save it again")
        hidden = HiddenCollector()
        title = _information(document, hidden)
        texts = list(_pages(document, hidden, name, settings))
        origin = Origin(name=name, raw=data, media_type=Format.PDF, settings=settings)
        yield make_document(
            origin,
            "\n\n".join(text for text in texts if text),
            hidden.items(),
            title=title,
            metadata={"pages": len(document)},
        )
    finally:
        document.close()


def _open(data: bytes, name: str) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise LoadError(
                f"'{name}' refused: an encrypted PDF; save it without a password"
            ) from error
        raise LoadError(f"'{name}' refused: a damaged PDF; save it again") from error


def _pages(
    document: pdfium.PdfDocument, hidden: HiddenCollector, name: str, settings: LoadSettings
) -> Iterator[str]:
    left = settings.max_text_chars
    for number in range(len(document)):
        try:
            page = document[number]
        except pdfium.PdfiumError as error:
            raise LoadError(f"'{name}' refused: page {number + 1} is damaged") from error
        try:
            where = f"page {number + 1}"
            items = page.get_objects([raw.FPDF_PAGEOBJ_TEXT], max_depth=_MAX_FORM_DEPTH)
            texts = [item.raw for item in items]
            _remove_replacements(texts, hidden, where)
            text_page = page.get_textpage()
            left -= text_page.count_chars()
            if left < 0:
                raise LimitError(
                    f"'{name}' refused: more than {settings.max_text_chars} characters "
                    "(load.max_text_chars)"
                )
            yield _PageReader(page, text_page, hidden, where).read(texts)
        finally:
            page.close()


@dataclass(slots=True)
class _Run:
    """Consecutive characters of one text object, by its address; 0 for generated blanks."""

    address: int
    first: int
    codes: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        return _decoded(self.codes)


class _PageReader:
    """Splits one page's text into seen and unseen."""

    def __init__(self, page: Any, text_page: Any, hidden: HiddenCollector, where: str) -> None:
        self._page = page
        self._text_page = text_page
        self._hidden = hidden
        self._where = where
        self._crop: Box = page.get_bbox()
        self._verdicts: dict[int, str] = {}
        self._picture: _Picture | None = None

    def read(self, texts: list[Any]) -> str:
        """Return the text that is seen; the rest, of ``texts`` too, goes to the collector."""
        seen: list[str] = []
        unseen: list[str] = []
        reason = ""
        runs = list(self._runs())
        for run in runs:
            verdict = self._verdict(run) if run.address else reason
            if verdict != reason and unseen:
                self._hidden.add("".join(unseen), reason, self._where)
                unseen = []
                seen.append("\n" if not verdict else "")
            reason = verdict
            (unseen if reason else seen).append(run.text)
        self._hidden.add("".join(unseen), reason, self._where)
        self._left_out(texts, {run.address for run in runs})
        self._annotations()
        return _tidy("".join(seen))

    def _runs(self) -> Iterator[_Run]:
        handle = self._text_page.raw
        run: _Run | None = None
        for index in range(self._text_page.count_chars()):
            pointer = raw.FPDFText_GetTextObject(handle, index)
            address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
            if run is None or run.address != address:
                if run is not None:
                    yield run
                run = _Run(address, index)
            run.codes.append(raw.FPDFText_GetUnicode(handle, index))
        if run is not None:
            yield run

    def _verdict(self, run: _Run) -> str:
        """Return why the object of a run is not seen, or an empty string."""
        known = self._verdicts.get(run.address)
        if known is None:
            known = self._judged(run)
            if known is None:
                return ""
            self._verdicts[run.address] = known
        return known

    def _judged(self, run: _Run) -> str | None:
        """Judge a text object by one run of it; None if that run is blank."""
        inked = [i for i, code in enumerate(run.codes) if not chr(code).isspace()]
        if not inked:
            return None
        item = ctypes.cast(run.address, raw.FPDF_PAGEOBJECT)
        mode = raw.FPDFTextObj_GetTextRenderMode(item)
        if mode in {_INVISIBLE_MODE, _CLIP_MODE}:
            return "pdf-invisible-render-mode"
        colour = _colour(item, stroke=mode in _STROKE_MODES)
        if colour is not None and colour[3] < _MIN_ALPHA:
            return "pdf-transparent"
        first = self._box(run.first + inked[0])
        last = self._box(run.first + inked[-1])
        if first is None or last is None:
            return "pdf-zero-size"
        if max(first[2] - first[0], first[3] - first[1]) < _TINY_PT:
            return "pdf-tiny-font"
        box = _united(first, last)
        if not _overlaps(box, self._crop):
            return "pdf-off-page"
        if self._picture is None:
            self._picture = _Picture(self._page)
        return self._picture.judge(box, colour)

    def _box(self, index: int) -> Box | None:
        """Return a character's box with its line height, in points of the page."""
        rectangle = raw.FS_RECTF()
        if not raw.FPDFText_GetLooseCharBox(self._text_page.raw, index, rectangle):
            return None
        low, high = sorted((rectangle.bottom, rectangle.top))
        left, right = sorted((rectangle.left, rectangle.right))
        return (left, low, right, high)

    def _left_out(self, texts: list[Any], seen: set[int]) -> None:
        """Keep text objects that the page holds and text extraction leaves out."""
        for item in texts:
            if (ctypes.cast(item, ctypes.c_void_p).value or 0) in seen:
                continue
            size = raw.FPDFTextObj_GetText(item, self._text_page.raw, None, 0)
            buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
            raw.FPDFTextObj_GetText(item, self._text_page.raw, buffer, size)
            self._hidden.add(_decoded(list(buffer)).rstrip("\x00"), "pdf-left-out", self._where)

    def _annotations(self) -> None:
        for index in range(raw.FPDFPage_GetAnnotCount(self._page.raw)):
            annotation = raw.FPDFPage_GetAnnot(self._page.raw, index)
            if not annotation:
                continue
            try:
                for key in (b"Contents", b"Subj", b"V", b"TU", b"RC"):
                    where = f"{self._where}, annotation {index + 1} /{key.decode()}"
                    self._hidden.add(_annotation_text(annotation, key), "annotation", where)
            finally:
                raw.FPDFPage_CloseAnnot(annotation)


class _Picture:
    """A page as drawn, to look up what is in a text's box."""

    def __init__(self, page: Any) -> None:
        self._page = page
        width, height = page.get_size()
        area = max(width * height, 1.0)
        scale = min(1.0, math.sqrt(_MAX_PIXELS / area))
        bitmap = page.render(scale=scale, draw_annots=False, rev_byteorder=True)
        self._pixels: NDArray[np.uint8] = bitmap.to_numpy()[:, :, :3]

    def judge(self, box: Box, colour: tuple[int, int, int, int] | None) -> str:
        """Return why text in ``box`` (points) is not seen in the picture, or an empty string."""
        left, top, right, bottom = self._device(box)
        inside = self._pixels[top:bottom, left:right]
        if min(inside.shape[:2], default=0) < _MIN_JUDGED_PIXELS:
            white = colour is not None and min(colour[:3]) > 255 - _MIN_INK
            return "pdf-text-colour" if white else ""
        spread = inside.max(axis=(0, 1)).astype(int) - inside.min(axis=(0, 1))
        seen = int(spread.max()) >= _MIN_INK
        if colour is None:
            return "" if seen else "pdf-covered"
        ink = np.asarray(colour[:3])
        # The median is dear, and cannot be the ink's colour where the mean is this far from it.
        if seen and np.abs(inside.mean(axis=(0, 1)) - ink).max() > _HALF_SCALE + _MIN_INK:
            return ""
        if not _is_like(inside.reshape(-1, 3), ink):
            return "" if seen else "pdf-covered"
        # Heavy type fills most of its box: only the colour around the box tells it from its ground.
        hidden = not seen or _is_like(self._ring(left, top, right, bottom), ink)
        return "pdf-text-colour" if hidden else ""

    def _ring(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        outer = self._pixels[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2]
        return np.concatenate([outer[:2], outer[-2:]], axis=0).reshape(-1, 3)

    def _device(self, box: Box) -> tuple[int, int, int, int]:
        height, width = self._pixels.shape[:2]
        x, y = ctypes.c_int(), ctypes.c_int()
        points = []
        for px, py in ((box[0], box[1]), (box[2], box[3])):
            raw.FPDF_PageToDevice(self._page.raw, 0, 0, width, height, 0, px, py, x, y)
            points.append((x.value, y.value))
        (ax, ay), (bx, by) = points
        left, right = max(min(ax, bx), 0), min(max(ax, bx) + 1, width)
        top, bottom = max(min(ay, by), 0), min(max(ay, by) + 1, height)
        return left, top, right, bottom


def _information(document: pdfium.PdfDocument, hidden: HiddenCollector) -> str:
    """Keep the document's properties and attachment names as hidden text; return its title."""
    properties = document.get_metadata_dict(skip_empty=True)
    for key, value in properties.items():
        if key not in _DATES:
            hidden.add(value, "metadata", f"document information /{key}")
    for index in range(document.count_attachments()):
        hidden.add(
            document.get_attachment(index).get_name(), "pdf-attachment", f"attachment {index + 1}"
        )
    return str(properties.get("Title", ""))


def _remove_replacements(texts: list[Any], hidden: HiddenCollector, where: str) -> None:
    """Take ``/ActualText`` off the page: extraction would give it in place of what is drawn."""
    for item in texts:
        marks = [
            raw.FPDFPageObj_GetMark(item, index)
            for index in range(raw.FPDFPageObj_CountMarks(item))
        ]
        for mark in marks:
            text = _replacement(mark)
            if text:
                hidden.add(text, "pdf-actual-text", where)
                raw.FPDFPageObj_RemoveMark(item, mark)


def _replacement(mark: Any) -> str:
    size = ctypes.c_ulong()
    key = b"ActualText"
    if not raw.FPDFPageObjMark_GetParamStringValue(mark, key, None, 0, size) or size.value <= 2:
        return ""
    buffer = (raw.FPDF_WCHAR * (size.value // 2 + 1))()
    raw.FPDFPageObjMark_GetParamStringValue(mark, key, buffer, size.value, size)
    return _decoded(list(buffer)).rstrip("\x00")


def _annotation_text(annotation: Any, key: bytes) -> str:
    size = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if size <= 2:
        return ""
    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size)
    return _decoded(list(buffer)).rstrip("\x00")


def _colour(item: Any, *, stroke: bool) -> tuple[int, int, int, int] | None:
    parts = [ctypes.c_uint() for _ in range(4)]
    read = raw.FPDFPageObj_GetStrokeColor if stroke else raw.FPDFPageObj_GetFillColor
    if not read(item, *parts):
        return None
    red, green, blue, alpha = (part.value for part in parts)
    return (red, green, blue, alpha)


def _decoded(codes: list[int]) -> str:
    """Join code units of UTF-16, or code points, into text; broken pairs become U+FFFD."""
    text = "".join(map(chr, codes)).translate(_HYPHEN_MARKS)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return "\n".join(lines).strip()


def _is_like(pixels: NDArray[np.uint8], colour: NDArray[np.int_]) -> bool:
    """Return whether the median of pixels (n, 3) is nearly the colour (3,)."""
    return bool(np.all(np.abs(np.median(pixels, axis=0) - colour) < _MIN_INK))


def _united(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
