"""The small markup that the corpus's PDF and DOCX files are written in.

A block is a paragraph, a line that begins with ``#`` or ``##``, list items (``-``), table rows
(``| a | b |``), or a line that begins with ``!invisible``, ``!white`` or ``!vanish``: text that a
reader does not see, which is how the attacks of the corpus are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is on the page."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    ROW = "row"
    INVISIBLE = "invisible"
    WHITE = "white"
    VANISH = "vanish"


_PREFIXES = {
    "## ": BlockKind.HEADING,
    "# ": BlockKind.TITLE,
    "- ": BlockKind.ITEM,
    "!invisible ": BlockKind.INVISIBLE,
    "!white ": BlockKind.WHITE,
    "!vanish ": BlockKind.VANISH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a page: its kind, and its cells (one, except for table rows)."""

    kind: BlockKind
    cells: tuple[str, ...]

    @property
    def text(self) -> str:
        """The cells as one line."""
        return "   ".join(self.cells)


def parse_markup(source: str) -> list[Block]:
    """Return the blocks of a source, one for each line that is not empty."""
    return [_block(line.strip()) for line in source.splitlines() if line.strip()]


def _block(line: str) -> Block:
    if line.startswith("|"):
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        return Block(kind=BlockKind.ROW, cells=cells)
    for prefix, kind in _PREFIXES.items():
        if line.startswith(prefix):
            return Block(kind=kind, cells=(line.removeprefix(prefix),))
    return Block(kind=BlockKind.PARAGRAPH, cells=(line,))
