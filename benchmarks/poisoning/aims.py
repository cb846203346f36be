"""What is aimed at, and by how much a run misses it: a false claim of robustness is the worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .budgets import Budget
from .hard_cases import NEWS
from .methods import OURS

Fields = Mapping[str, Any]

_ONE = (Budget.ONE_DOC, Budget.ONE_SOURCE, Budget.DRIP)
_EXPOSURE = (
    (_ONE, "PE@5 macro", 0.02),
    (_ONE, "PE@5 worst", 0.05),
    (_ONE, "MR@5 worst", 0.0),
    ((Budget.SYBIL,), "PE@5 macro", 0.10),
    ((Budget.SYBIL,), "PE@5 worst", 0.20),
    ((Budget.SYBIL,), "MR@5 macro", 0.02),
)
_GOLD_UNDER_ATTACK, _GOLD, _LOST = 0.98, 0.99, 0.01
_HELD = {"gibberish": 0.99, "hub": 0.99, "echo": 0.95, "template": 0.95, "rewritten": 0.80,
         "stealth": 0.50}  # fmt: skip
_ALARMS = {"in domain": 0.005, NEWS: 0.02}
_UNSEEN = 0.01
_MS = 5.0


def aims(results: Fields) -> list[dict[str, Any]]:
    """Return one row an aim: what was measured, the limit, and whether it holds."""
    return [
        {
            "aim": name,
            "limit": ("≤ " if most else "≥ ") + f"{limit:g}",
            "measured": value,
            "holds": "yes" if (value <= limit if most else value >= limit) else "NO",
            "off by": max(0.0, value - limit if most else limit - value),
        }
        for name, value, limit, most in _measured(results)
        if value is not None
    ]


def _measured(results: Fields) -> Iterator[tuple[str, float | None, float, bool]]:
    ours = [row for row in results["summary"] if row["method"] == OURS]
    for budgets, figure, limit in _EXPOSURE:
        for row in ours:
            if row["budget"] in budgets:
                yield f"{figure}, {row['budget']}", row[figure], limit, True
    for row in ours:
        name = f"GK@10 under attack, {row['budget']}"
        yield name, row["GK@10 macro"], _GOLD_UNDER_ATTACK, False
    for row in results["honest"]:
        if row["method"] == OURS:
            yield "GK@10, nothing planted", row["GK@10"], _GOLD, False
            yield "CR@10, nothing planted", row["CR@10"], _LOST, True
            for side in ("established", "newcomers"):
                yield f"GK@10, {side} only", row[f"GK@10 {side}"], _GOLD, False
                yield f"CR@10, {side} only", row[f"CR@10 {side}"], _LOST, True
            yield "ms per query", row["ms per query"], _MS, True
    yield from _quarantine(results["quarantine"])
    signals = results["cost"].get("signals")
    yield "ms per document, signals", signals and signals["ms per document"], _MS, True
    wrong = sum(row["violations"] for row in ours)
    yield "certificate violations", float(wrong), 0.0, True


def _quarantine(found: Fields) -> Iterator[tuple[str, float | None, float, bool]]:
    for row in found["groups"]:
        # A rewritten set is a set: one document of it is a single one.
        single = row["budget"] == Budget.ONE_DOC
        if row["group"] in _HELD and not (single and row["group"] == "rewritten"):
            name = f"Q-TPR {row['group']}, {row['budget']}"
            yield name, row["Q-TPR macro"], _HELD[row["group"]], False
    clean: Sequence[Fields] = found["clean"]
    for row in clean:
        if row["documents of"] in _ALARMS:
            limit = _ALARMS[row["documents of"]]
            yield f"Q-FPR {row['documents of']}", row["Q-FPR"], limit, True
    unseen = [row for row in clean if row["documents of"].startswith("unseen")]
    if unseen:
        worst = max(unseen, key=lambda row: row["Q-FPR"])
        yield f"Q-FPR worst, {worst['documents of']}", worst["Q-FPR"], _UNSEEN, True
