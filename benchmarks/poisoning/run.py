"""The whole benchmark: attacks, honest use, quarantine, then tables, files and plots."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import MissingExtraError, UsageError
from .. import report
from . import holding, honest, plots, tables
from .aims import aims
from .bench import Bench, Request, Say
from .budgets import MEANING, Budget
from .collection import Collection
from .end_to_end import chosen_families, end_to_end
from .hard_cases import NEWS, hard_cases, newcomers
from .markdown import markdown
from .methods import OURS, Method
from .one_thread import one_thread
from .page import page
from .shares import trials
from .trial import Trial
from .vectors import key_of

Fields = dict[str, Any]
_EVERY, _DRAWN = 6, 12
"""Of the map: each sixth clean passage, and the first of so many attacks a family."""


def run(request: Request, say: Say) -> tuple[Fields, Path]:
    """Measure everything, write ``poisoning.json`` into ``out``; return the results and the file.

    A run that was killed goes on where it was, since finished parts stand in ``out/cache``. Raises
    `UsageError` where nothing is attacked or asked and where ``out`` cannot be written, `LoadError`
    for a bad row.
    """
    require_extra()
    _require_writable(request.out)
    started = time.monotonic()
    bench = Bench(request, say)
    _require_questions(bench)
    collection = bench.prepare()
    with one_thread():
        all_trials = trials(bench, collection, started)
        measured = _measured(bench, collection, all_trials)
    results = {
        "documents": _documents(bench),
        "settings": _settings(request),
        "methods": {method.name: method.how for method in bench.methods},
        "skipped": bench.skipped,
        **measured,
        "end to end": _end_to_end(bench),
    }
    bench.vectors.save()
    bench.scans.save()
    results["seconds"] = round(time.monotonic() - started, 1)
    results["aims"] = aims(results)
    path = report.write_json(request.out, "poisoning", results, seed=request.seed)
    say("plots and reports")
    _draw(bench, all_trials, results)
    (request.out / "poisoning.md").write_text(markdown(results), encoding="utf-8")
    (request.out / "poisoning.html").write_text(page(results, request.out), encoding="utf-8")
    return results, path


def _measured(bench: Bench, collection: Collection, all_trials: Sequence[Trial]) -> Fields:
    return {
        **_attacked(bench, all_trials),
        "honest": _honest(bench, collection),
        "quarantine": _quarantine(bench, all_trials),
        "cost": _cost(bench),
    }


def require_extra() -> None:
    """Raise `MissingExtraError` if the plots or the clustering baseline cannot be made."""
    for module, package in (("matplotlib", "matplotlib"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(
                f"{package} is not installed, and the benchmark needs it: "
                "pip install 'ragbastion[bench]'"
            )


def _require_writable(out: Path) -> None:
    """Raise `UsageError` now rather than after minutes of embedding."""
    try:
        (out / "cache").mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out / "cache").close()
    except OSError as error:
        raise UsageError(
            f"--out '{out}' refused: nothing can be written there ({error.strerror}); name another "
            "folder"
        ) from error


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


def _attacked(bench: Bench, trials: Sequence[Trial]) -> Fields:
    groups = {family.name: family.group for family in bench.families}
    seed = bench.request.seed
    rows = [row for t in trials for row in tables.trial_rows(t, groups[t.family], seed)]
    return {"attacks": rows, "summary": tables.summary(rows)}


def _honest(bench: Bench, collection: Collection) -> list[Fields]:
    probes = [*bench.world.probes, *bench.world.unaimed]
    attacked = [question for family in bench.families for question in family.questions]
    new = honest.newcomer_questions(collection, [*probes, *attacked], len(probes))
    bench.embed([*probes, *new])
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
    unseen = holding.unseen_domains(bench.fresh, bench.world, embed, bench.request.seed, bench.say)
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


def _end_to_end(bench: Bench) -> Fields:
    families = chosen_families(bench.families)

    def make() -> Fields:
        chooser = next(method.choose for method in bench.methods if method.name == OURS)
        seed, say = bench.request.seed, bench.say
        return end_to_end(bench.world, families, chooser, bench.vectors, seed, say)

    texts = [[key_of(text) for text in family.texts] for family in families]
    found: Fields = bench.cache.get("end to end", texts, make)
    return found


def _draw(bench: Bench, trials: Sequence[Trial], results: Fields) -> None:
    out = bench.request.out
    plots.write_families(out, results["attacks"])
    plots.write_tradeoff(out, results["summary"], results["honest"])
    groups = {family.name: family for family in bench.families}
    texts, kinds, held = list[str](), list[str](), list[bool]()
    for doc, ruling in list(zip(bench.world.docs, bench.rulings, strict=True))[::_EVERY]:
        texts.append(doc.text)
        kinds.append("clean")
        held.append(ruling.held)
    for trial in trials:
        family = groups[trial.family]
        if trial.budget is not Budget.ONE_DOC:
            continue
        for attack, rulings in list(zip(family.attacks, trial.rulings, strict=True))[:_DRAWN]:
            texts.append(attack.texts[0])
            kinds.append(family.group)
            held.append(rulings[0].held)
    plots.write_map(out, bench.embed(texts), kinds, np.array(held, dtype=np.bool_))


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
        "honest questions": len(world.probes) + len(world.unaimed),
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
        "jobs": request.jobs,
        "scanner": request.settings.model_dump(mode="json"),
    }
