"""The report as Markdown; names and texts from files are escaped, since they may be hostile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .plots import NAMES
from .show import cell, printable, tables_of, verdict_of

Fields = Mapping[str, Any]
TITLE = "Poisoning resistance"
AIMS = "Aims, and by how much they are missed"
READING = (
    "PE@5: mean share of the passages served that is poison (0 where none is served). AE@5: share "
    "of attacked questions with any poison among five. MR@5: with poison in more than half of the "
    "context. GK@10: share of the gold passages of plain search's clean top ten that are still "
    "among ten. CR@10: share of that top ten that is gone with nothing planted. Q-TPR, Q-FPR: "
    "share of poison, or of honest documents, held at ingestion. Intervals: 95 %, "
    "bootstrap by question."
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&-])")


def markdown(results: Fields) -> str:
    """Return the report as one Markdown page that names its plots beside it."""
    parts = [f"# {TITLE}", escaped(verdict_of(results)), READING, f"## {AIMS}"]
    parts.append(_table(results["aims"]))
    parts += [f"![{name.removesuffix('.png')}]({name})" for name in NAMES]
    for title, rows in tables_of(results):
        parts += [f"## {escaped(title)}", _table(rows)]
    parts.append("## Methods")
    parts += [f"- {escaped(name)}: {escaped(how)}" for name, how in results["methods"].items()]
    parts += [f"- {escaped(name)}: {escaped(why)}" for name, why in results["skipped"].items()]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return text that no Markdown reader takes for markup."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _table(rows: Sequence[Fields]) -> str:
    head = [escaped(name) for name in rows[0]] if rows else []
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [_line([escaped(cell(value)) for value in row.values()]) for row in rows]
    return "\n".join(lines) if rows else "nothing was measured"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
