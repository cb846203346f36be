"""The report as one HTML page: pictures inside, nothing fetched, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .markdown import AIMS, READING, TITLE
from .plots import NAMES
from .show import cell, printable, tables_of, verdict_of

Fields = Mapping[str, Any]
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}"
    "td,th{border:1px solid #ccc;padding:2px 7px;text-align:left}"
    "th{background:#f3f3f3}img{max-width:100%}.no{background:#fdd}"
)
# Nothing is loaded and nothing runs, whatever a text of the data says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(results: Fields, folder: Path) -> str:
    """Return the page; plots are taken from ``folder``."""
    parts = [f"<h1>{TITLE}</h1>", _p(verdict_of(results)), _p(READING)]
    parts += [f"<h2>{AIMS}</h2>", _table(results["aims"])]
    parts += [_image(folder / name) for name in NAMES if (folder / name).exists()]
    for title, rows in tables_of(results):
        parts += [f"<h2>{_text(title)}</h2>", _table(rows)]
    named = {**results["methods"], **results["skipped"]}
    items = "".join(f"<li><b>{_text(name)}</b>: {_text(why)}</li>" for name, why in named.items())
    parts += ["<h2>Methods</h2>", f"<ul>{items}</ul>"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{TITLE}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _table(rows: Sequence[Fields]) -> str:
    if not rows:
        return _p("nothing was measured")
    head = "".join(f"<th>{_text(name)}</th>" for name in rows[0])
    body = "".join(f"<tr{_mark(row)}>{_cells(row)}</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _mark(row: Fields) -> str:
    return ' class="no"' if row.get("holds") == "NO" else ""


def _cells(row: Fields) -> str:
    return "".join(f"<td>{_text(cell(value))}</td>" for value in row.values())


def _image(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{_text(path.stem)}" src="data:image/png;base64,{data}">'


def _p(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _text(text: str) -> str:
    return escape(printable(text))
