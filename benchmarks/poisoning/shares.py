"""The attacks of a run, on several processes: each takes the next one that nobody has taken."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from .bench import Bench, Request
from .budgets import Budget, applies
from .collection import Collection
from .families import Family
from .one_thread import one_thread
from .trial import Attacker, Trial, as_json, from_json
from .vectors import key_of

Part = tuple[Family, Budget]


def trials(bench: Bench, collection: Collection, started: float) -> list[Trial]:
    """Run every attack, with ``jobs`` processes; return what came of them, in order.

    Results reach this process through the cache on disk. What a process that died had taken is
    run here.
    """
    parts = parts_of(bench)
    attacker = bench.attacker(collection)
    with _helpers(bench.request) as taken:
        for number in taken:
            if number >= len(parts):
                break
            family, budget = parts[number]
            spent = time.monotonic() - started
            bench.say(f"[{number + 1}/{len(parts)}, {spent:.0f} s] {family.name}, {budget}")
            _result(bench, attacker, parts[number])
    bench.scans.save()
    return [from_json(_result(bench, attacker, part)) for part in parts]


def parts_of(bench: Bench) -> list[Part]:
    """Return every family within every budget that differs for it."""
    return [
        (family, budget)
        for family in bench.families
        for budget in bench.request.budgets
        if applies(family.attacks, budget)
    ]


def _result(bench: Bench, attacker: Attacker, part: Part) -> Any:
    family, budget = part
    decides = [[key_of(text) for text in family.texts], family.questions, budget.value]
    return bench.cache.get(f"{family.name} {budget}", decides, partial(_run, attacker, part))


def _run(attacker: Attacker, part: Part) -> dict[str, Any]:
    family, budget = part
    return as_json(attacker.trial(family.name, family.attacks, budget))


@contextmanager
def _helpers(request: Request) -> Iterator[Iterator[int]]:
    """Start the other processes, and yield the numbers of the parts that fall to this one."""
    if request.jobs < 2:
        yield count()
        return
    # Not forked: the threads of the encoder's library do not survive it.
    context = multiprocessing.get_context("spawn")
    following = context.Value("i", 0)
    others = [
        context.Process(target=_help, args=(replace(request, jobs=1), following), daemon=True)
        for _ in range(request.jobs - 1)
    ]
    for each in others:
        each.start()
    yield _taken(following)
    for each in others:
        each.join()


def _taken(following: Any) -> Iterator[int]:
    while True:
        with following.get_lock():
            number = following.value
            following.value += 1
        yield number


def _help(request: Request, following: Any) -> None:
    """Build the same collection from what the first process left on disk, and take parts."""
    bench = Bench(request, _quiet)
    parts: Sequence[Part] = parts_of(bench)
    if following.value >= len(parts):
        return
    collection = bench.prepare()
    attacker = bench.attacker(collection)
    with one_thread():
        for number in _taken(following):
            if number >= len(parts):
                break
            _result(bench, attacker, parts[number])
    bench.scans.save()


def _quiet(_: str) -> None:
    """Say nothing: the first process tells how far the run has come."""
