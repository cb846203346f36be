"""The tables on stdout: method by attack, names that are not for tenants, findings, times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..report import print_table
from .attack import Tallies
from .calls import GENERATED, TAGS
from .findings import EVERY, Kind, Tally, leaked

_SHOWN = 12
WIDTH = 160
# A smaller difference than this costs more calls to see than a quota allows.
_TELLING = 0.02

GREEN, REFUSED, LEAK, NONE = "green", "refused", "leak", "none"


def state(cell: Mapping[str, int] | None) -> str:
    """Return what a cell of the matrix says: a leak, always refused, green, or never tried."""
    if not cell:
        return NONE
    if leaked(cell):
        return LEAK
    return GREEN if cell.get("answered") else REFUSED


def show(results: Mapping[str, Any], found: Tallies, control: Tallies) -> None:
    """Print every table."""
    for name, tally in {**found, **control}.items():
        _matrix(name, tally)
        _other_names(name, tally)
    for tally in found.values():
        _findings(tally)
    _times(results["timing"])
    whole = "" if results["complete"] else " (cut short: run it again to go on)"
    _say(
        f"{results['calls']} calls{whole}, {sum(results['leaks'].values())} leaks; "
        f"seed {results['settings']['seed']}"
    )


def _matrix(name: str, tally: Tally) -> None:
    table = Table(title=f"{name}: calls by method and attack")
    table.add_column("method", no_wrap=True)
    for tag in (EVERY, *TAGS):
        table.add_column(tag.replace(" ", "\n"), justify="right")
    table.add_column("leaked as")
    for method in (*GENERATED, "close"):
        columns = tally.cells.get(method, {})
        cells = [_cell(columns.get(tag)) for tag in (EVERY, *TAGS)]
        table.add_row(method, *cells, ", ".join(_kinds(columns.get(EVERY, {}))))
    Console(width=WIDTH).print(table)


def _cell(cell: Mapping[str, int] | None) -> str:
    which = state(cell)
    if cell is None or which == NONE:
        return ""
    if which == LEAK:
        return f"[bold red]LEAK\n{_short(leaked(cell))}[/]"
    if which == REFUSED:
        return f"[yellow]ref.\n{_short(cell['calls'])}[/]"
    return f"[green]{_short(cell['calls'])}[/]"


def _kinds(cell: Mapping[str, int]) -> list[str]:
    return [kind for kind in Kind if cell.get(kind)]


def _short(number: int) -> str:
    return f"{number / 1000:.0f}k" if number >= 10_000 else str(number)


def _other_names(name: str, tally: Tally) -> None:
    rows = []
    for method, columns in sorted(tally.cells.items()):
        if method in GENERATED or method == "close":
            continue
        (tag, cell) = next((tag, cell) for tag, cell in columns.items() if tag != EVERY)
        rows.append((tag, method, state(cell)))
    table = Table(title=f"{name}: names that are not for tenants")
    for column in ("what it reaches", "names", "refused", "reached and harmless", "LEAK"):
        table.add_column(column)
    for tag in sorted({tag for tag, *_ in rows}):
        by_state = {
            which: [method for each, method, state_ in rows if (each, state_) == (tag, which)]
            for which in (REFUSED, GREEN, LEAK)
        }
        table.add_row(
            tag,
            str(sum(map(len, by_state.values()))),
            str(len(by_state[REFUSED])),
            escape(", ".join(by_state[GREEN])),
            f"[bold red]{escape(', '.join(by_state[LEAK]))}[/]" if by_state[LEAK] else "",
        )
    Console(width=WIDTH).print(table)


def _findings(tally: Tally) -> None:
    for finding in tally.findings[:_SHOWN]:
        _say(
            f"LEAK {finding.subject} {finding.method} ({', '.join(finding.tags)}): "
            f"{finding.kind}: {finding.detail}; {finding.place}\n    {finding.call}"
        )


def _times(timing: Mapping[str, Any]) -> None:
    rows = [
        {
            "client": name,
            **row,
            "tells": "yes" if row["low"] > 1 + _TELLING or row["high"] < 1 - _TELLING else "no",
        }
        for name, each in timing.items()
        for row in each
    ]
    if rows:
        print_table("Time of a call with a victim's id and with one that nobody has", rows)


def _say(line: str) -> None:
    Console(width=WIDTH).print(line, markup=False, highlight=False, soft_wrap=True)
