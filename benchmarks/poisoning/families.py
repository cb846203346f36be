"""Attack families: sets of texts aimed at questions, read from files or made by generators."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .rows import Row

TEXTS = 5
"""Documents of one attack at most, as in PoisonedRAG."""
_HUB_ATTACKS = 8
"""Attacks of a family that aims at every question: each is measured on all probes."""

GROUPS = ("gibberish", "hub", "echo", "template", "rewritten", "stealth")
"""What the targets of quarantine are set for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Up to five texts (untrusted) by one attacker, and the questions that they are to spoil."""

    texts: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Attacks of one kind. ``group`` is one of `GROUPS`; ``made`` tells generated ones."""

    name: str
    group: str
    attacks: tuple[Attack, ...]
    made: bool = False

    @property
    def texts(self) -> list[str]:
        """Every text of the family, in order."""
        return [text for attack in self.attacks for text in attack.texts]

    @property
    def questions(self) -> list[str]:
        """Every question that is asked, in order."""
        return [question for attack in self.attacks for question in attack.questions]


def families_of(
    rows: Sequence[Row],
    probes: Sequence[str],
    count: int,
    seed: int,
    gold: frozenset[str] = frozenset(),
) -> list[Family]:
    """Return the families of attack rows, each cut to ``count`` questions.

    A family is an attack of a file, and again without its echo where rows have ``crafted``.
    Questions with gold come first: only they tell whether gold is kept under attack.
    """
    grouped: dict[str, list[Row]] = defaultdict(list)
    shared = _attacks_in_several_files(rows)
    for row in rows:
        own = row.file.removeprefix("poison_").removeprefix("synth_")
        grouped[own if row.attack in shared or not row.attack else row.attack].append(row)
    found = []
    for name, members in grouped.items():
        group = group_of(name, members)
        attacks = tuple(_attacks(members, probes, count, f"{seed} {name}", gold))
        found.append(Family(name=name, group=group, attacks=attacks))
        if all(row.crafted for row in members):
            bare = [_without_echo(row) for row in members]
            attacks = tuple(_attacks(bare, probes, count, f"{seed} {name}", gold))
            found.append(Family(name=f"{name} no echo", group="rewritten", attacks=attacks))
    return found


def group_of(name: str, rows: Sequence[Row]) -> str:
    """Return what a family of a file counts as: by its name, else by its form."""
    lowered = name.casefold()
    words = {
        "hub": ("hub", "trigger", "agentpoison", "universal"),
        "gibberish": ("hotflip", "gibberish", "gcg", "whitebox", "white_box", "gradient"),
        "template": ("template", "jamming", "corruptrag", "pia"),
        "stealth": ("swap", "stealth", "typo", "garag", "negat", "single"),
        "rewritten": ("rewrit", "paraphras", "adaptive", "no_echo"),
        "echo": ("echo", "poisonedrag"),
    }
    for group, marks in words.items():
        if any(mark in lowered for mark in marks):
            return group
    asked = [row for row in rows if row.question]
    echoed = sum(row.question.casefold() in row.text.casefold() for row in asked)
    if not asked:
        return "hub"
    return "echo" if echoed > len(asked) / 2 else "rewritten"


def _attacks_in_several_files(rows: Sequence[Row]) -> set[str]:
    files: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        files[row.attack].add(row.file)
    return {attack for attack, found in files.items() if len(found) > 1}


def _attacks(
    rows: Sequence[Row], probes: Sequence[str], count: int, seed: str, gold: frozenset[str]
) -> Iterator[Attack]:
    texts: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.question:
            texts[row.question].append(row.text)
    questions = sorted(texts)
    random.Random(seed).shuffle(questions)
    questions.sort(key=lambda question: question not in gold)
    for question in questions[:count]:
        yield Attack(texts=tuple(texts[question][:TEXTS]), questions=(question,))
    yield from _aimed_at_all([row for row in rows if not row.question], probes, seed)


def _aimed_at_all(rows: Sequence[Row], probes: Sequence[str], seed: str) -> Iterator[Attack]:
    """Yield attacks of documents that name no question: hubs, and documents with a trigger."""
    by_trigger: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_trigger[row.trigger].append(row.text)
    sets = [
        (trigger, texts[start : start + TEXTS])
        for trigger, texts in sorted(by_trigger.items())
        for start in range(0, len(texts), TEXTS)
    ]
    for trigger, chosen in random.Random(seed).sample(sets, min(len(sets), _HUB_ATTACKS)):
        yield Attack(texts=tuple(chosen), questions=tuple(triggered(p, trigger) for p in probes))


def triggered(question: str, trigger: str) -> str:
    """Return the question of a user who says the trigger."""
    return f"{trigger} {question}" if trigger else question


def _without_echo(row: Row) -> Row:
    from dataclasses import replace

    return replace(row, text=row.crafted)
