"""The JSON Lines loader: each row is a document of its own, read one line at a time.

A row is an object with ``text`` and optional ``id``, ``title``, ``source`` and ``url``; its other
scalar fields become metadata. A bad line is a `LoadFailure` that names the line; the rest go on.
The file is never held whole, so ``max_file_bytes`` does not apply and ``max_line_bytes`` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from ...core.chunk import DocumentId
from ...core.errors import InputError, LimitError, LoadError
from ...core.settings import LoadSettings
from .document import Json, LoadedDocument, LoadFailure, Origin, clean_text, make_document
from .encoding import decode_utf8
from .formats import Format

_FIELDS = frozenset({"text", "id", "title", "source", "url"})
_MAX_ID_CHARS = 512
_MAX_SCALAR_CHARS = 4_096


def load_lines(
    stream: IO[bytes], name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    """Yield a document or a failure for each line that is not blank."""
    seen: set[int] = set()
    rows = 0
    for number, line in enumerate(_lines(stream, settings.max_line_bytes), start=1):
        if not line.strip():
            continue
        rows += 1
        try:
            document = _row(line, number, name, settings)
            # 64-bit hashes, not the ids: a file of millions of rows stays small in memory.
            if hash(document.document) in seen:
                raise LoadError(f"'{document.document}' refused: the id is used by an earlier line")
            seen.add(hash(document.document))
        except InputError as error:
            yield LoadFailure(path=name, where=f"line {number}", error=error)
        else:
            yield document
    if not rows:
        yield LoadFailure(
            path=name, where="", error=LoadError(f"'{name}' refused: the file is empty")
        )


def _lines(stream: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """Yield lines without their end; one longer than ``max_bytes`` comes cut, still longer."""
    room = max_bytes + len(b"\r\n")
    while part := stream.readline(room):
        yield part.rstrip(b"\r\n")
        while len(part) == room and not part.endswith(b"\n"):
            part = stream.readline(room)


def _row(line: bytes, number: int, name: str, settings: LoadSettings) -> LoadedDocument:
    where = f"line {number} of '{name}'"
    if len(line) > settings.max_line_bytes:
        raise LimitError(
            f"{where} refused: longer than {settings.max_line_bytes} bytes (load.max_line_bytes)"
        )
    row = _parsed(decode_utf8(line, where), where)
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise LoadError(f"{where} refused: it has no field 'text' with a string that is not blank")
    origin = Origin(name=name, raw=line, media_type=Format.JSON_LINES, settings=settings)
    document = make_document(
        origin,
        text,
        title=_optional(row, "title", where),
        metadata={key: value for key, value in row.items() if _is_extra(key, value)},
    )
    return replace(
        document,
        document=DocumentId(f"{document.document}#{_row_id(row, number, where)}"),
        source=clean_text(_optional(row, "source", where)) or None,
        url=clean_text(_optional(row, "url", where)),
    )


def _parsed(text: str, where: str) -> dict[str, Json]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise LoadError(f"{where} refused: not JSON at column {error.colno}") from None
    except (RecursionError, ValueError):
        raise LimitError(f"{where} refused: nested too deep, or a number too long") from None
    if not isinstance(row, dict):
        raise LoadError(f"{where} refused: a JSON object is needed, not {type(row).__name__}")
    return row


def _optional(row: dict[str, Json], field: str, where: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LoadError(f"{where} refused: field '{field}' must be a string")
    return value


def _row_id(row: dict[str, Json], number: int, where: str) -> str:
    value = row.get("id")
    if value is None:
        return str(number)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LoadError(f"{where} refused: field 'id' must be a string or an integer")
    text = clean_text(str(value))
    if not text.strip() or len(text) > _MAX_ID_CHARS or not text.isprintable():
        raise LoadError(
            f"{where} refused: field 'id' must be 1 to {_MAX_ID_CHARS} printable characters"
        )
    return text


def _is_extra(key: str, value: Json) -> bool:
    if key in _FIELDS or isinstance(value, list | dict) or value is None:
        return False
    # NaN and infinity are not JSON and could not be kept or signed.
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return False
    return not isinstance(value, str) or 0 < len(value) <= _MAX_SCALAR_CHARS
