"""What happens to a document at ingestion, whoever judges: arrivals in, rulings out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from ...core.chunk import Matrix, Vector
from ...core.verdict import Decision
from .world import Doc

BATCH = 64
PEER = "peer."
"""How the kinds of other packages' detectors begin."""
_SECONDS_A_DAY = 86_400.0
_EPOCH = 1_700_000_000.0
"""Day 0 of the collection; any time will do, but signals see seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A document before it is stored, embedded, on its day. What it is, the judge is not told."""

    doc: Doc
    vector: Vector
    day: int

    @property
    def at(self) -> float:
        """The time of ingestion in seconds since the epoch."""
        return _EPOCH + self.day * _SECONDS_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What became of a document, and which detector said what of it.

    ``Decision.ALLOW`` of a kind is a report for information only.
    """

    decision: Decision = Decision.ALLOW
    kinds: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether the document went to quarantine."""
        return self.decision >= Decision.QUARANTINE

    @property
    def signals(self) -> tuple[str, ...]:
        """What an admitted document carries into retrieval: signals that flagged it."""
        return tuple(
            sorted(
                kind
                for kind, said in self.kinds.items()
                if said > Decision.ALLOW and not kind.startswith(PEER)
            )
        )

    def taken(self, back: Ruling) -> Ruling:
        """Return what is true of an admitted document from when it is taken back."""
        return Ruling(
            decision=max(self.decision, back.decision), kinds={**self.kinds, **back.kinds}
        )

    def joined(self, other: Ruling) -> Ruling:
        """Return this ruling with what a peer said beside it, which decides nothing here."""
        return Ruling(decision=self.decision, kinds={**self.kinds, **other.kinds})


class Screening(Protocol):
    """One collection's screening; may remember what was admitted."""

    def judge(self, arrivals: Sequence[Arrival]) -> list[Ruling]:
        """Return a ruling for each document of a batch, in order."""
        ...

    def taken_back(self) -> Mapping[str, Ruling]:
        """Return what the last judgement holds of what was admitted before, by document."""
        ...

    def learn(self, arrivals: Sequence[Arrival]) -> None:
        """Take admitted documents into what it remembers, and what is taken back out."""
        ...

    def fork(self) -> Self:
        """Return a copy that learns apart from this one."""
        ...


def batches(arrivals: Sequence[Arrival]) -> list[Sequence[Arrival]]:
    """Cut into batches as a stream is ingested."""
    return [arrivals[start : start + BATCH] for start in range(0, len(arrivals), BATCH)]


def ingested(
    screening: Screening,
    arrivals: Sequence[Arrival],
    step: Callable[[int], None] | None = None,
) -> list[Ruling]:
    """Judge and learn batch by batch, as ingestion does; return all rulings in order.

    What was there before and is taken back comes after those of the arrivals.
    """
    rulings: list[Ruling] = []
    others: dict[str, Ruling] = {}
    for batch in batches(arrivals):
        found = screening.judge(batch)
        others |= take_back(arrivals[: len(rulings)], rulings, screening.taken_back())
        screening.learn([each for each, r in zip(batch, found, strict=True) if not r.held])
        rulings += found
        if step:
            step(len(rulings))
    return [*rulings, *others.values()]


def take_back(
    arrivals: Sequence[Arrival], rulings: list[Ruling], taken: Mapping[str, Ruling]
) -> dict[str, Ruling]:
    """Hold those of the admitted that are taken back; return what is of none of them."""
    known = set[str]()
    for at, each in enumerate(arrivals):
        if each.doc.id in taken:
            rulings[at] = rulings[at].taken(taken[each.doc.id])
            known.add(each.doc.id)
    return {name: ruling for name, ruling in taken.items() if name not in known}


def arrivals_of(docs: Sequence[Doc], vectors: Matrix, day: int | None = None) -> list[Arrival]:
    """Return documents as arrivals of one day; None: each on the day its source was opened."""
    return [
        Arrival(doc=doc, vector=vector, day=doc.party.opened if day is None else day)
        for doc, vector in zip(docs, vectors, strict=True)
    ]
