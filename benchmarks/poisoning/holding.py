"""What is quarantined: poison by family and budget, and honest documents in every hard place."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .screening import Arrival, Ruling, Screening, arrivals_of, batches, ingested
from .trial import Embed, Trial
from .world import TODAY, Doc, World

LEARNT, JUDGED = 3_000, 400
"""Passages of the other domains that are learnt, and of the one left out that are judged."""

Fields = dict[str, Any]


def poison_row(trial: Trial, group: str) -> Fields:
    """Return Q-TPR of a family within a budget, and which detector reported what share."""
    rulings = [ruling for attack in trial.rulings for ruling in attack]
    return {
        "family": trial.family,
        "group": group,
        "budget": trial.budget.value,
        "documents": len(rulings),
        "Q-TPR": _share([ruling.held for ruling in rulings]),
        "flagged": _share([bool(ruling.signals) for ruling in rulings]),
        "attacks stopped whole": _share([all(r.held for r in a) for a in trial.rulings if a]),
        "clean taken back": trial.clean_taken_back,
        "by": reported(rulings),
    }


def clean_row(name: str, rulings: Sequence[Ruling]) -> Fields:
    """Return Q-FPR of a set of honest documents, and who reported what share of it."""
    return {
        "documents of": name,
        "documents": len(rulings),
        "Q-FPR": _share([ruling.held for ruling in rulings]),
        "flagged": _share([bool(ruling.signals) for ruling in rulings]),
        "by": reported(rulings),
    }


def reported(rulings: Sequence[Ruling]) -> dict[str, float]:
    """Return the share of documents that each detector reported, to hold or to flag."""
    kinds = sorted({kind for ruling in rulings for kind in ruling.kinds})
    return {kind: _share([kind in ruling.kinds for ruling in rulings]) or 0.0 for kind in kinds}


def in_domain(screening: Screening, reserve: Sequence[Doc], embed: Embed) -> list[Ruling]:
    """Judge passages like those that the collection was fitted on, none of them stored."""
    arrivals = arrivals_of(reserve, embed([doc.text for doc in reserve]), TODAY)
    return ingested(screening, arrivals)


def unseen_domains(
    make: Callable[[], Screening],
    world: World,
    embed: Embed,
    seed: int,
    say: Callable[[str], None],
) -> Mapping[str, list[Ruling]]:
    """Leave out each clean file in turn: fit on the others, then ingest it."""
    found: dict[str, list[Ruling]] = {}
    for domain in world.domains if len(world.domains) > 1 else []:
        say(f"false alarms: {domain} left out")
        rng = random.Random(f"{seed} without {domain}")
        others = [doc for doc in world.docs if doc.domain != domain]
        own = [doc for doc in world.docs if doc.domain == domain]
        screening = make()
        fitted = rng.sample(others, min(LEARNT, len(others)))
        for batch in batches(arrivals_of(fitted, embed([doc.text for doc in fitted]))):
            screening.learn(batch)
        judged = rng.sample(own, min(JUDGED, len(own)))
        arrivals = arrivals_of(judged, embed([doc.text for doc in judged]), TODAY)
        found[domain] = ingested(screening, arrivals)
    return found


def bursts(
    screening: Callable[[], Screening], sets: Sequence[Sequence[Doc]], embed: Embed
) -> list[Ruling]:
    """Ingest each set as one batch, each after the collection as it was."""
    rulings: list[Ruling] = []
    for docs in sets:
        arrivals: list[Arrival] = arrivals_of(docs, embed([doc.text for doc in docs]), TODAY)
        rulings += ingested(screening(), arrivals)
    return rulings


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
