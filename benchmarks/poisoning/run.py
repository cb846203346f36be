"""The whole benchmark: attacks, honest use, quarantine, then tables, files and plots."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...core.errors import MissingExtraError, UsageError
from .. import report
from . import holding, honest, tables
from .bench import Bench, Request, Say
from .budgets import MEANING, applies
from .collection import Collection
from .hard_cases import NEWS, hard_cases, newcomers
from .methods import Method
from .trial import Trial, as_json, from_json
from .vectors import key_of

Fields = dict[str, Any]


def run(request: Request, say: Say) -> tuple[Fields, Path]:
    """Measure everything, write ``poisoning.json`` into ``out``; return the results and the file.

    A run that was killed goes on where it was, since finished parts stand in ``out/cache``. Raises
    `UsageError` where nothing is attacked or asked, `LoadError` for a bad row.
    """
    require_extra()
    started = time.monotonic()
    bench = Bench(request, say)
    _require_questions(bench)
    collection = bench.prepare()
    trials = _trials(bench, collection, started)
    results = {
        "documents": _documents(bench),
        "settings": _settings(request),
        "methods": {method.name: method.how for method in bench.methods},
        "skipped": bench.skipped,
        **_attacked(bench, trials),
        "honest": _honest(bench, collection),
        "quarantine": _quarantine(bench, trials),
        "cost": _cost(bench),
    }
    bench.vectors.save()
    bench.scans.save()
    results["seconds"] = round(time.monotonic() - started, 1)
    path = report.write_json(request.out, "poisoning", results, seed=request.seed)
    return results, path


def require_extra() -> None:
    """Raise `MissingExtraError` if the plots or the clustering baseline cannot be made."""
    for module, package in (("matplotlib", "matplotlib"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(
                f"{package} is not installed, and the benchmark needs it: "
                "pip install 'ragbastion[bench]'"
            )


def violations(results: Fields) -> int:
    """Return how many certificates were wrong, of any method."""
    return sum(row["violations"] for row in results["attacks"])


def _require_questions(bench: Bench) -> None:
    if not bench.families:
        raise UsageError(
            "nothing to attack with: give files with --attack, or a folder with poison_*.jsonl"
        )
    if not bench.world.probes:
        raise UsageError(
            "nothing to ask: no clean row has 'gold' and a 'question' that no attack is aimed at; "
            "name questions with --queries FILE"
        )


def _trials(bench: Bench, collection: Collection, started: float) -> list[Trial]:
    attacker = bench.attacker(collection)
    parts = [
        (family, budget)
        for family in bench.families
        for budget in bench.request.budgets
        if applies(family.attacks, budget)
    ]
    found = []
    for number, (family, budget) in enumerate(parts, start=1):
        bench.say(
            f"[{number}/{len(parts)}, {time.monotonic() - started:.0f} s] {family.name}, {budget}"
        )
        decides = [[key_of(text) for text in family.texts], family.questions, budget.value]
        attacks = family.attacks
        trial = bench.cache.get(
            f"{family.name} {budget}",
            decides,
            # Bound now: the loop's names move on.
            lambda f=family.name, a=attacks, b=budget: as_json(attacker.trial(f, a, b)),
        )
        bench.scans.save()
        found.append(from_json(trial))
    return found


def _attacked(bench: Bench, trials: Sequence[Trial]) -> Fields:
    groups = {family.name: family.group for family in bench.families}
    seed = bench.request.seed
    rows = [row for t in trials for row in tables.trial_rows(t, groups[t.family], seed)]
    return {"attacks": rows, "summary": tables.summary(rows)}


def _honest(bench: Bench, collection: Collection) -> list[Fields]:
    probes = list(bench.world.probes)
    attacked = [question for family in bench.families for question in family.questions]
    new = honest.newcomer_questions(collection, [*probes, *attacked], len(probes))
    bench.embed(new)
    rows = []
    for method in bench.methods:
        bench.say(f"honest questions: {method.name}")

        def make(method: Method = method) -> list[list[Fields]]:
            return [
                [asdict(each) for each in honest.served(collection, method, asked, bench.embed)]
                for asked in (probes, new)
            ]

        found = bench.cache.get(f"honest {method.name}", [probes, new], make)
        known, newer = ([honest.Served(**each) for each in part] for part in found)
        rows.append(honest.row(method.name, known, newer, bench.request.seed))
    return rows


def _quarantine(bench: Bench, trials: Sequence[Trial]) -> Fields:
    groups = {family.name: family.group for family in bench.families}
    poison = [holding.poison_row(trial, groups[trial.family]) for trial in trials]
    embed = bench.embed
    bench.say("false alarms: in domain")
    cold = holding.clean_row("cold start: the collection itself", bench.rulings)
    inside = holding.clean_row(
        "in domain", holding.in_domain(bench.fitted(), bench.world.reserve, embed)
    )
    unseen = holding.unseen_domains(
        bench.fresh, bench.world, embed, bench.request.seed, bench.say
    )
    hard = hard_cases(bench.clean_rows, bench.request.seed)
    hard[f"{NEWS}, new source"] = newcomers(hard[NEWS])
    bench.say("false alarms: FAQ pages, catalogues, bursts")
    return {
        "poison": poison,
        "groups": tables.group_rows(poison),
        "clean": [
            cold,
            inside,
            *(holding.clean_row(f"unseen domain: {name}", r) for name, r in unseen.items()),
            *(
                holding.clean_row(name, holding.bursts(bench.fitted, sets, embed))
                for name, sets in hard.items()
            ),
        ],
    }


def _cost(bench: Bench) -> Fields:
    signals = bench.fitted()
    measured = {"signals": getattr(signals, "ms", []), "injection scanner": bench.scans.ms}
    for guardian in bench.guardians:
        measured[guardian.kind] = guardian.ms
    return {
        name: {"documents": len(ms), "ms per document": sum(ms) / len(ms)}
        for name, ms in measured.items()
        if ms
    }


def _documents(bench: Bench) -> Fields:
    world = bench.world
    return {
        "clean": len(world.docs),
        "reserve": len(world.reserve),
        "clean by domain": {
            name: sum(doc.domain == name for doc in world.docs) for name in world.domains
        },
        "publishers": len({doc.party.name for doc in world.docs}),
        "newcomers": len({doc.party.name for doc in world.docs if doc.party.new}),
        "probes": len(world.probes),
        "families": len(bench.families),
        "poison": sum(len(family.texts) for family in bench.families),
    }


def _settings(request: Request) -> Fields:
    return {
        "budgets": {budget.value: MEANING[budget] for budget in request.budgets},
        "queries": request.queries.count,
        "questions named": bool(request.queries.named),
        "seed": request.seed,
        "own attacks": request.made,
        "scanner": request.settings.model_dump(mode="json"),
    }
