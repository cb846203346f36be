"""The clean collection: who published what since when, what is kept out of it, what is gold.

Days count from the opening of the collection. Its founding publishers stood on day 0; a seeded
twentieth came the day before `TODAY`, as honest newcomers.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .rows import Row

PUBLISHERS = 200
NEWCOMERS = 0.05
"""Share of the clean publishers that are as new as an attacker's."""
TODAY = 400
AGED = 100
"""The day that opened an attacker's aged sources: after the founding, long before today."""
RESERVED = 0.1
"""Share of the clean passages that are kept out of the collection: arrivals of the attack's day."""
HISTORY = 250
"""Questions that were asked before the attack; none of them is attacked or measured. From more
than these the guard keeps a sample by chance, and no run would be like another."""
UNAIMED = 9
"""More honest questions for each probe: a question costs little where nothing is planted, and what
honest use loses is a matter of a hundredth."""
PROBATION = 7
"""Days, as `RetrievalSettings.probation_days`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A source as the guard's registry knows it; ``opened`` is a day."""

    name: str
    opened: int
    vouched: bool = False

    def in_probation(self, day: int) -> bool:
        """Tell whether it is new on a day, and was not there from the beginning."""
        return not self.vouched and self.opened > PROBATION and day - self.opened < PROBATION

    @property
    def new(self) -> bool:
        """Whether it was opened yesterday or today."""
        return self.opened >= TODAY - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """A document of the collection or on its way into it; ``domain`` is the file of a clean one."""

    id: str
    text: str
    party: Party
    domain: str = ""
    poison: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The clean collection.

    ``reserve`` are passages like those of the collection, never stored and gold of nothing;
    ``gold`` are ids by question; ``probes`` are questions with gold that stand for honest use and
    whom poison without a question is aimed at, ``unaimed`` more of them that no poison meets, and
    ``history`` others that were asked before.
    """

    docs: tuple[Doc, ...]
    reserve: tuple[Doc, ...]
    gold: Mapping[str, frozenset[str]]
    probes: tuple[str, ...]
    unaimed: tuple[str, ...]
    history: tuple[str, ...]
    by_id: Mapping[str, Doc] = field(repr=False)

    @property
    def domains(self) -> list[str]:
        """The clean files, sorted."""
        return sorted({doc.domain for doc in self.docs})


def world_of(
    rows: Sequence[Row], *, probes: int | Sequence[str], attacked: Iterable[str], seed: int
) -> World:
    """Build the collection; the same rows and seed give the same one.

    ``probes`` is how many questions with gold to draw (none that is attacked), or the questions.
    """
    rng = random.Random(f"{seed} world")
    docs = _docs(rows, seed)
    gold: dict[str, set[str]] = defaultdict(set)
    for row, doc in zip(rows, docs, strict=True):
        if row.gold:
            gold[row.question].add(doc.id)
    spoken = {each for found in gold.values() for each in found}
    spare = [doc for doc in docs if doc.id not in spoken]
    reserved = {d.id for d in rng.sample(spare, min(len(spare), int(len(docs) * RESERVED)))}
    free = sorted(set(gold) - set(attacked))
    rng.shuffle(free)
    drawn = isinstance(probes, int)
    chosen = free[:probes] if isinstance(probes, int) else list(probes)
    rest = [question for question in free if question not in set(chosen)]
    kept = tuple(doc for doc in docs if doc.id not in reserved)
    return World(
        docs=kept,
        reserve=tuple(doc for doc in docs if doc.id in reserved),
        gold={question: frozenset(found) for question, found in gold.items()},
        probes=tuple(chosen),
        unaimed=tuple(rest[HISTORY:][: UNAIMED * len(chosen) if drawn else 0]),
        history=tuple(rest[:HISTORY]),
        by_id={doc.id: doc for doc in kept},
    )


def _docs(rows: Sequence[Row], seed: int) -> list[Doc]:
    names = sorted({_publisher(row) for row in rows})
    rng = random.Random(f"{seed} newcomers")
    new = set(rng.sample(names, round(len(names) * NEWCOMERS)))
    parties = {name: Party(name=name, opened=TODAY - 1 if name in new else 0) for name in names}
    return [
        Doc(
            # Two files may use one id.
            id=f"{row.file}/{row.id}",
            text=row.text,
            party=parties[_publisher(row)],
            domain=row.file.removeprefix("clean_"),
        )
        for row in rows
    ]


def _publisher(row: Row) -> str:
    number = int(hashlib.sha256(row.publisher.encode()).hexdigest(), 16) % PUBLISHERS
    return f"publisher-{number}"
