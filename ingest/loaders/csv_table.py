"""The CSV loader: each row becomes "header: value" lines, so that a chunk of rows reads alone.

Formula cells stay text; nothing is evaluated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ...core.errors import LimitError, LoadError
from ...core.settings import LoadSettings
from .document import LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLED_ROWS = 20


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the table as text, rows apart by a blank line; the first row names the columns."""
    decoded = decode(data, name)
    delimiter = _delimiter(decoded.text)
    rows = _rows(decoded.text, delimiter, name)
    header = next(rows, [])
    blocks: list[str] = []
    size = 0
    for row in rows:
        block = _block(header, row)
        size += len(block)
        if size > settings.max_text_chars:
            raise LimitError(
                f"'{name}' refused: more than {settings.max_text_chars} characters of text "
                "(load.max_text_chars); split the table, or raise the limit"
            )
        blocks.append(block)
    origin = Origin(name=name, raw=data, media_type=Format.CSV, settings=settings)
    yield make_document(
        origin,
        "\n\n".join(block for block in blocks if block) or " | ".join(header),
        metadata={
            "encoding": decoded.encoding,
            "delimiter": delimiter,
            "columns": list(header),
            "rows": len(blocks),
        },
    )


def _delimiter(text: str) -> str:
    """Return the delimiter that splits the first rows most evenly; a comma if none does.

    `csv.Sniffer` is not used: its patterns take quadratic time on hostile text.
    """
    lines = text[:65_536].splitlines()[:_SAMPLED_ROWS]

    def evenness(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return (0, 0)
        if not widths or widths[0] < 2:
            return (0, 0)
        return (sum(width == widths[0] for width in widths), widths[0])

    return max(_DELIMITERS, key=evenness)


def _rows(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield cells
    except csv.Error as error:
        raise LoadError(
            f"'{name}' refused: line {reader.line_num} is not CSV ({error}); check its quotes"
        ) from error


def _block(header: list[str], row: list[str]) -> str:
    """Return one row; cells beyond the header are kept under their column number."""
    lines = []
    for index, cell in enumerate(row):
        if cell:
            label = (
                header[index] if index < len(header) and header[index] else f"column {index + 1}"
            )
            lines.append(f"{label}: {cell}")
    return "\n".join(lines)
