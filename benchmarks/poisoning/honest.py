"""What each method costs those who attack nobody: gold kept and passages lost, nothing planted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .collection import Collection
from .contexts import CONTEXT
from .methods import Method
from .metrics import interval, kept, ratio_interval
from .trial import Embed, served_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What became of one question's unguarded top ten; ``new`` counts honest newcomers' passages.

    ``kept`` of ``gold`` passages stay, ``lost`` of ``top``; CPU ``ms`` of one context.
    """

    gold: int
    kept: int
    top: int
    lost: int
    new_gold: int
    new_kept: int
    new_top: int
    new_lost: int
    ms: float


def served(
    collection: Collection, method: Method, questions: Sequence[str], embed: Embed
) -> list[Served]:
    """Ask every question of a method."""
    return [
        _one(collection, method, question, query)
        for question, query in zip(questions, embed(questions), strict=True)
    ]


def _one(collection: Collection, method: Method, question: str, query: Any) -> Served:
    found = collection.candidates(question, query, method.gate)
    started = time.process_time()
    method.choose(found.pool, CONTEXT)
    spent = (time.process_time() - started) * 1000
    there = set(served_ids(method, found))
    top = set(collection.clean_top(question, query))
    gold = collection.gold_of(question, query, collection.world.gold)
    new = {each for each in top if collection.world.by_id[each].party.new}
    return Served(
        gold=len(gold),
        kept=len(gold & there),
        top=len(top),
        lost=len(top - there),
        new_gold=len(gold & new),
        new_kept=len(gold & new & there),
        new_top=len(new),
        new_lost=len(new - there),
        ms=spent,
    )


def newcomer_questions(collection: Collection, taken: Sequence[str], count: int) -> list[str]:
    """Return questions with gold by an honest newcomer, none of them ``taken``."""
    world = collection.world
    found = [
        question
        for question, gold in sorted(world.gold.items())
        if question not in set(taken)
        and any(each in world.by_id and world.by_id[each].party.new for each in gold)
    ]
    return found[:count]


def row(method: str, found: Sequence[Served], new: Sequence[Served], seed: int) -> dict[str, Any]:
    """Return the figures of one method; ``new`` are questions about honest newcomers."""
    everyone = [*found, *new]
    return {
        "method": method,
        "questions": len(found),
        "GK@10": kept([each.kept for each in found], [each.gold for each in found]),
        "GK@10 95%": ratio_interval([e.kept for e in found], [e.gold for e in found], seed),
        "CR@10": kept([each.lost for each in found], [each.top for each in found]),
        "CR@10 95%": ratio_interval([e.lost for e in found], [e.top for e in found], seed),
        "GK@10 established": kept(
            [each.kept - each.new_kept for each in found],
            [each.gold - each.new_gold for each in found],
        ),
        "CR@10 established": kept(
            [each.lost - each.new_lost for each in found],
            [each.top - each.new_top for each in found],
        ),
        "GK@10 newcomers": kept([e.new_kept for e in everyone], [e.new_gold for e in everyone]),
        "CR@10 newcomers": kept([e.new_lost for e in everyone], [e.new_top for e in everyone]),
        "ms per query": sum(each.ms for each in found) / max(len(found), 1),
        "ms 95%": interval([each.ms for each in found], seed),
    }
