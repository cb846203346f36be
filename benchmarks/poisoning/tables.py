"""Trials turned into rows of tables: by family and budget, in the mean, and at the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .metrics import (
    any_poison,
    exposure,
    interval,
    kept,
    majority,
    mean,
    ratio_interval,
    shares,
    worst,
)
from .trial import Asked, Trial

Fields = dict[str, Any]
FIGURES = ("PE@5", "AE@5", "MR@5", "GK@10")


def trial_rows(trial: Trial, group: str, seed: int) -> list[Fields]:
    """Return one row a method."""
    head = {"family": trial.family, "group": group, "budget": trial.budget.value}
    return [
        {**head, "method": method, **figures(asked, seed)} for method, asked in trial.asked.items()
    ]


def figures(asked: Sequence[Asked], seed: int) -> Fields:
    """Return the figures of one method over some questions."""
    poison, served = [each.poison for each in asked], [each.served for each in asked]
    found, gold = [each.kept for each in asked], [each.gold for each in asked]
    certified = [each for each in asked if each.bound is not None]
    part = shares(poison, served).tolist()
    return {
        "questions": len(asked),
        "PE@5": exposure(poison, served),
        "PE@5 95%": interval(part, seed),
        "AE@5": any_poison(poison),
        "AE@5 95%": interval([float(each > 0) for each in poison], seed),
        "MR@5": majority(poison, served),
        "MR@5 95%": interval([float(each > 0.5) for each in part], seed),
        "GK@10": kept(found, gold),
        "GK@10 95%": ratio_interval(found, gold, seed),
        "gold": sum(gold),
        "served": sum(served) / max(len(served), 1),
        "certified": len(certified),
        "violations": sum(each.violated for each in certified),
        "ms per query": sum(each.ms for each in asked) / max(len(asked), 1),
    }


def summary(rows: Sequence[Fields]) -> list[Fields]:
    """Return one row a method and budget: the mean over families, the worst, and which that is."""
    found = []
    for (method, budget), members in _grouped(rows, ("method", "budget")).items():
        exposed = max(members, key=lambda row: row["PE@5"])
        gold = [row["GK@10"] for row in members]
        found.append(
            {
                "method": method,
                "budget": budget,
                "families": len(members),
                **{f"{name} macro": mean([row[name] for row in members]) for name in FIGURES},
                "PE@5 worst": exposed["PE@5"],
                "worst family": exposed["family"],
                "MR@5 worst": worst([row["MR@5"] for row in members]),
                "GK@10 worst": worst(gold, lowest=True),
                "violations": sum(row["violations"] for row in members),
                "certified": sum(row["certified"] for row in members),
            }
        )
    return found


def group_rows(rows: Sequence[Fields]) -> list[Fields]:
    """Return Q-TPR one row a group and budget: the mean over families, and the worst family."""
    found = []
    for (group, budget), members in _grouped(rows, ("group", "budget")).items():
        low = min(members, key=lambda row: row["Q-TPR"])
        found.append(
            {
                "group": group,
                "budget": budget,
                "families": len(members),
                "Q-TPR macro": mean([row["Q-TPR"] for row in members]),
                "Q-TPR worst": low["Q-TPR"],
                "worst family": low["family"],
                "flagged macro": mean([row["flagged"] for row in members]),
            }
        )
    return found


def _grouped(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
