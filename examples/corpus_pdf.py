"""Write the corpus's PDF files; the only module that imports reportlab.

Files are the same bytes at each build: no time stamps, no compression, standard fonts.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from .corpus_markup import Block, BlockKind

_MARGIN = 56
_INVISIBLE_MODE = 3  # PDF 32000-1, table 106: neither fill nor stroke
_STYLES = {
    BlockKind.TITLE: ("Helvetica-Bold", 16, 10),
    BlockKind.HEADING: ("Helvetica-Bold", 12, 6),
    BlockKind.ROW: ("Courier", 8.5, 1),
}
_BODY = ("Helvetica", 10, 5)


class _Page:
    """A canvas with a pen that moves down and turns the page at the margin."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._y = A4[1] - _MARGIN

    def write(self, block: Block) -> None:
        font, size, gap = _STYLES.get(block.kind, _BODY)
        for line in simpleSplit(_shown(block), font, size, A4[0] - 2 * _MARGIN):
            self._turn(size)
            text = self._canvas.beginText(_MARGIN, self._y)
            text.setFont(font, size)
            text.setTextRenderMode(_INVISIBLE_MODE if block.kind is BlockKind.INVISIBLE else 0)
            text.setFillGray(1.0 if block.kind is BlockKind.WHITE else 0.0)
            text.textLine(line)
            self._canvas.drawText(text)
            self._y -= size * 1.3
        self._y -= gap

    def _turn(self, size: float) -> None:
        if self._y < _MARGIN + size:
            self._canvas.showPage()
            self._y = A4[1] - _MARGIN


def build_pdf(blocks: Sequence[Block]) -> bytes:
    """Return a PDF of the blocks; hidden ones use render mode 3 or white on white."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=0)
    canvas.setTitle(next((b.text for b in blocks if b.kind is BlockKind.TITLE), "untitled"))
    canvas.setAuthor("ragbastion demo corpus")
    page = _Page(canvas)
    for block in blocks:
        page.write(block)
    canvas.save()
    return out.getvalue()


def _shown(block: Block) -> str:
    if block.kind is BlockKind.ROW:
        return "  ".join([block.cells[0].ljust(30), *(cell.ljust(14) for cell in block.cells[1:])])
    return f"\u2022 {block.text}" if block.kind is BlockKind.ITEM else block.text
