"""Every family of our own making, in order; what is costly is made once and kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from ....core.chunk import Matrix
from ..families import TEXTS, Attack, Family
from ..rows import Row
from . import adaptive, facts, whole_collection, wordings
from .hotflip import Form, HotFlip
from .rewriting import reordered, rewritten
from .targets import Target, targets_of
from .wordings import Maker

FLIPPED = 8
"""Questions of a white-box family: each text takes a second or so."""
_SUBWORDS, _WORDS = Form(), Form(whole=True, mixed=True)

PLAIN: dict[str, tuple[str, Maker]] = {
    "own echo": ("echo", wordings.echo),
    "own FAQ page": ("echo", wordings.faq),
    "own no echo": ("rewritten", wordings.no_echo),
    "paraphrased": ("rewritten", wordings.paraphrased),
    "own jamming": ("template", wordings.jamming),
    "own jamming with echo": ("template", wordings.jamming_echo),
    "own orders": ("template", wordings.orders),
    "own correction notices": ("template", wordings.notices),
    "swapped answer": ("stealth", facts.answer),
    "swapped name": ("stealth", facts.name),
    "swapped number": ("stealth", facts.number),
    "swapped date": ("stealth", facts.date),
    "negated fact": ("stealth", facts.negation),
    "swapped answer with typos": ("stealth", facts.typos),
    "adaptive: echo spread": ("rewritten", adaptive.echo_spread),
}
"""Families of one question that need no model: their group, and what makes them."""


class Kept(Protocol):
    """Returns a stored JSON value, or makes and stores it."""

    def __call__(self, name: str, decides: Any, make: Callable[[], Any]) -> Any:
        """See `Cache.get`."""
        ...


def made_families(
    rows: Sequence[Row],
    poison: Sequence[Row],
    probes: Sequence[str],
    *,
    count: int,
    seed: int,
    embed: Callable[[Sequence[str]], Matrix],
    kept: Kept,
    say: Callable[[str], None],
) -> list[Family]:
    """Return the families; the same rows and seed give the same texts."""
    targets = targets_of(rows, count, seed)
    found = [family(name, group, targets, maker, seed) for name, (group, maker) in PLAIN.items()]
    found.append(
        family("adaptive: unlike each other", "rewritten", targets, adaptive.unlike(embed), seed)
    )
    if crafted := list(_crafted(poison, count, seed)):
        found.append(
            Family(name="crafted rewritten", group="rewritten", attacks=tuple(crafted), made=True)
        )
    questions = sorted({row.question for row in rows if row.gold} - set(probes))
    white = WhiteBox(targets[:FLIPPED], questions, embed, seed, kept, say)
    found += white.families()
    attacks = whole_collection.triggers(probes, seed)
    found.append(Family(name="trigger documents", group="hub", attacks=tuple(attacks), made=True))
    return [each for each in found if each.attacks]


def family(name: str, group: str, targets: Sequence[Target], maker: Maker, seed: int) -> Family:
    """Return what one maker makes of all targets; a target that it can do nothing with is out."""
    attacks = []
    for target in targets:
        texts = maker(target, random.Random(f"{seed} {name} {target.question}"))
        if texts:
            attacks.append(Attack(texts=tuple(texts[:TEXTS]), questions=(target.question,)))
    return Family(name=name, group=group, attacks=tuple(attacks), made=True)


class WhiteBox:
    """The families that follow the encoder's gradient."""

    def __init__(
        self,
        targets: Sequence[Target],
        questions: Sequence[str],
        embed: Callable[[Sequence[str]], Matrix],
        seed: int,
        kept: Kept,
        say: Callable[[str], None],
    ) -> None:
        self._targets = targets
        self._questions = questions
        self._embed = embed
        self._seed = seed
        self._kept = kept
        self._say = say
        self._flip = HotFlip()

    def families(self) -> Iterator[Family]:
        """Yield them one after another, since each takes a minute or so."""
        yield self._family("HotFlip", "gibberish", lambda: self._single(_SUBWORDS))
        yield self._family("adaptive: HotFlip in words", "gibberish", lambda: self._single(_WORDS))
        yield self._family("hub", "hub", lambda: self._hubs(_SUBWORDS))
        yield self._family("adaptive: hub in words", "hub", lambda: self._hubs(_WORDS))
        yield self._family("adaptive: split hub", "hub", self._split)

    def _family(self, name: str, group: str, make: Callable[[], list[Attack]]) -> Family:
        def stored() -> list[dict[str, Any]]:
            self._say(f"white-box attack: {name}")
            return [{"texts": each.texts, "questions": each.questions} for each in make()]

        decides = [[t.question, t.wrong] for t in self._targets], self._questions, self._seed
        attacks = tuple(
            Attack(texts=tuple(each["texts"]), questions=tuple(each["questions"]))
            for each in self._kept(f"made {name}", decides, stored)
        )
        return Family(name=name, group=group, attacks=attacks, made=True)

    def _single(self, form: Form) -> list[Attack]:
        return [self._one(target, form) for target in self._targets]

    def _one(self, target: Target, form: Form) -> Attack:
        rng = random.Random(f"{self._seed} hotflip {form} {target.question}")
        goal = self._embed([target.question])[0]
        texts = self._flip.series(wordings.no_echo(target, rng), goal, rng, form)
        return Attack(texts=tuple(texts), questions=(target.question,))

    def _hubs(self, form: Form) -> list[Attack]:
        return whole_collection.hubs(self._questions, self._embed, self._flip, self._seed, form)

    def _split(self) -> list[Attack]:
        return whole_collection.split_hubs(self._questions, self._embed, self._flip, self._seed)


def _crafted(poison: Sequence[Row], count: int, seed: int) -> Iterator[Attack]:
    """Yield the crafted texts of poison files, written anew."""
    texts: dict[str, list[str]] = {}
    for row in poison:
        if row.crafted and row.question:
            texts.setdefault(row.question, []).append(row.crafted)
    questions = random.Random(f"{seed} crafted").sample(sorted(texts), min(count, len(texts)))
    for question in questions:
        rng = random.Random(f"{seed} crafted {question}")
        again = [reordered(rewritten(text, rng), rng) for text in texts[question][:TEXTS]]
        yield Attack(texts=tuple(again), questions=(question,))
