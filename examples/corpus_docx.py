"""Write the corpus's DOCX files; of the builder, the only module that imports python-docx.

The archive's members carry a fixed date, so the files differ between builds only as far as the
compression library does.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

from docx import Document
from docx.document import Document as DocxDocument

from .corpus_markup import Block, BlockKind

_FIXED = datetime(2025, 6, 30, tzinfo=UTC)
_STYLES = {
    BlockKind.TITLE: "Heading 1",
    BlockKind.HEADING: "Heading 2",
    BlockKind.ITEM: "List Bullet",
}


def build_docx(blocks: Sequence[Block]) -> bytes:
    """Return a DOCX of the blocks; ``!vanish`` text is a run with the hidden attribute."""
    document = Document()
    properties = document.core_properties
    properties.author, properties.comments = "ragbastion demo corpus", ""
    properties.created = properties.modified = _FIXED
    for rows, block in _grouped(blocks):
        if rows:
            _add_table(document, rows)
        else:
            _add_paragraph(document, block)
    out = io.BytesIO()
    document.save(out)
    return _repacked(out.getvalue())


def _grouped(blocks: Sequence[Block]) -> list[tuple[list[Block], Block]]:
    """Gather neighbouring table rows; every other block stands alone with no rows."""
    groups: list[tuple[list[Block], Block]] = []
    for block in blocks:
        if block.kind is BlockKind.ROW and groups and groups[-1][0]:
            groups[-1][0].append(block)
        else:
            groups.append(([block] if block.kind is BlockKind.ROW else [], block))
    return groups


def _add_paragraph(document: DocxDocument, block: Block) -> None:
    run = document.add_paragraph(style=_STYLES.get(block.kind)).add_run(block.text)
    if block.kind is BlockKind.VANISH:
        run.font.hidden = True


def _add_table(document: DocxDocument, rows: Sequence[Block]) -> None:
    table = document.add_table(rows=0, cols=max(len(row.cells) for row in rows))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row.cells, strict=False):
            cell.text = text


def _repacked(data: bytes) -> bytes:
    """Write the archive again with one date for every member."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in sorted(old.namelist()):
            member = zipfile.ZipInfo(name, date_time=_FIXED.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(name))
    return out.getvalue()
