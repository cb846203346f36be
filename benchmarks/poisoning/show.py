"""The tables of a run on stdout or stderr, from the figures that the JSON file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .methods import ALONE, NO_GUARD, OURS

Fields = Mapping[str, Any]
WIDTH = 170


def show(results: Fields, *, stderr: bool = False) -> None:
    """Print every table; the ablation's rows stand in one of their own."""
    console = Console(width=WIDTH, stderr=stderr, markup=False, highlight=False, emoji=False)
    for title, rows in tables_of(results):
        _print(console, title, rows)
    for name, reason in results["skipped"].items():
        console.print(f"{name}: {reason}", soft_wrap=True)
    console.print(verdict_of(results), soft_wrap=True)


def tables_of(results: Fields) -> list[tuple[str, list[Fields]]]:
    """Return every table of the report: a title, and rows that share their columns."""
    compared = [row for row in results["summary"] if not row["method"].startswith(ALONE)]
    alone = [row for row in results["summary"] if row["method"].startswith(ALONE)]
    found: list[tuple[str, list[Fields]]] = []
    for budget, meaning in results["settings"]["budgets"].items():
        rows = [_short(row) for row in compared if row["budget"] == budget]
        found.append((f"All methods, {budget}: {meaning}", rows))
    found.append(("Poison in the context by family, no guard → ours", _by_family(results)))
    found.append(("Nothing planted: what honest users lose", _honest(results)))
    found.append(("Quarantined poison by group and budget", results["quarantine"]["groups"]))
    found.append(("Quarantined poison by family and budget", _held(results)))
    found.append(("Honest documents held", _clean(results["quarantine"]["clean"])))
    found.append(("Each detector of ingestion alone, all it reports held", _alone(results, alone)))
    found.append(("The real guard beside the arrays", results["end to end"].get("rows", [])))
    found.append(("Aims, and by how much they are missed", results.get("aims", [])))
    cost: list[Fields] = [{"detector": name, **fields} for name, fields in results["cost"].items()]
    found.append(("CPU milliseconds per document", cost))
    return [(title, rows) for title, rows in found if rows]


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return "–".join(f"{each:.2f}" for each in value)
    return str(value)


def verdict_of(results: Fields) -> str:
    """Return the run in one line."""
    counts = results["documents"]
    wrong = sum(row["violations"] for row in results["attacks"])
    certified = sum(row["certified"] for row in results["attacks"])
    return (
        f"{certified} certified contexts, {wrong} violations; "
        f"{counts['clean']} clean passages, {counts['families']} families, "
        f"{results['seconds']:.0f} s; seed {results['settings']['seed']}"
    )


def _short(row: Fields) -> Fields:
    left_out = {"budget", "families"}
    return {name: value for name, value in row.items() if name not in left_out}


def _by_family(results: Fields) -> list[Fields]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in results["attacks"]:
        if row["method"] not in (NO_GUARD, OURS):
            continue
        side = "off" if row["method"] == NO_GUARD else "on"
        found = rows.setdefault(
            (row["family"], row["budget"]),
            {"family": row["family"], "budget": row["budget"], "questions": row["questions"]},
        )
        found[f"PE@5 {side}"] = row["PE@5"]
        if side == "on":
            found |= {name: row[name] for name in ("PE@5 95%", "AE@5", "MR@5", "GK@10")}
    return list(rows.values())


def _honest(results: Fields) -> list[Fields]:
    return [row for row in results["honest"] if not row["method"].startswith(ALONE)]


def _held(results: Fields) -> list[Fields]:
    return [{**row, "by": _said(row["by"])} for row in results["quarantine"]["poison"]]


def _clean(rows: Sequence[Fields]) -> list[Fields]:
    return [{**row, "by": _said(row["by"])} for row in rows]


def _said(by: Mapping[str, float]) -> str:
    ranked = sorted(by.items(), key=lambda each: -each[1])
    return ", ".join(f"{name.removeprefix('outlier.')} {share:.2f}" for name, share in ranked[:4])


def _alone(results: Fields, rows: Sequence[Fields]) -> list[Fields]:
    honest = {row["method"]: row for row in results["honest"]}
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        method = row["method"]
        each = found.setdefault(method, {"detector": method.removeprefix(ALONE)})
        each[f"PE@5 {row['budget']}"] = row["PE@5 macro"]
        each["CR@10"] = honest[method]["CR@10"]
    return list(found.values())


def _print(console: Console, title: str, rows: Sequence[Fields]) -> None:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        # Names come from files: control characters are shown, never obeyed.
        table.add_row(*(Text(printable(cell(value))) for value in row.values()))
    console.print(table)


def printable(text: str) -> str:
    """Return the text with what would move a terminal's cursor shown as a mark."""
    return "".join(each if each.isprintable() else "�" for each in text)
