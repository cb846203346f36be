"""What the commands write: JSON for programs, tables for people, both safe for a terminal.

Document text is untrusted: written to a terminal as it is, it could move the cursor, hide lines or
set the clipboard. So JSON escapes control characters, and tables show them as escapes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# C1 controls, line separators and bidi controls: JSON allows them raw, terminals act on them.
_TERMINAL_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_LOG_COLUMNS = 120


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return ``value`` as JSON on one line, or indented; refuses NaN and infinity."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _TERMINAL_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_json(value: Any) -> None:
    """Write ``value`` to stdout: indented for a terminal, else on one line."""
    write_line(json_text(value, indent=2 if sys.stdout.isatty() else None))


def write_fields(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Write what a command did: as JSON, or as one line of names and values."""
    if as_json:
        write_json(dict(fields))
    else:
        write_line(printable(", ".join(f"{name}: {value}" for name, value in fields.items())))


def write_line(line: str) -> None:
    """Write one line to stdout as UTF-8, whatever the locale, and flush it.

    A lone surrogate (a file name that is not UTF-8) comes out as its JSON escape.
    """
    sys.stdout.flush()
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def printable(text: str, *, keep: str = "") -> str:
    """Return ``text`` with every character that does not print shown as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def console(*, stderr: bool = False) -> Console:
    """Return a rich console that takes strings literally: no markup, no emoji codes."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Into a log or a file, where rich would take 80 columns and fold most paths.
    width = None if stream.isatty() or "COLUMNS" in os.environ else _LOG_COLUMNS
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def write_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a title line and a table to stdout, every cell made printable; no rows, no table."""
    from rich.table import Table
    from rich.text import Text

    write_line(printable(title))
    if not (cells := [list(row) for row in rows]):
        return
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(printable(str(cell), keep="\n")) for cell in row))
    console().print(table)


def utc_time(seconds: float | None) -> str:
    """Return a time since the epoch as a reader in any zone understands it; "" for none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def write_text(text: str) -> None:
    """Write text of a document to stdout; raw for a program, made printable for a terminal."""
    write_line(printable(text, keep="\n\t") if sys.stdout.isatty() else text)
