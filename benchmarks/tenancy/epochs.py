"""Attacks a client with generated histories, each on stores made new.

Each call is made twice: on a store with the victims' points and on a twin without them. Whatever
the two answers differ in is what the attacker learns of the victims.

- INVARIANT: a history depends on seed and number alone, so one that leaks is run again call by
  call, with a look at the truth after each, and the first call that leaks is named.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeAlias

from .answers import Answer, agree, canary_in, same, vectors_in
from .calls import Call, history
from .canaries import Canaries
from .findings import Finding, Kind, Tally
from .subjects import Subject
from .ties import (
    all_ranked,
    has_ties,
    ranked_sources,
    same_scores,
    shown_as_ranked,
    without_limit,
)
from .worlds import World

Answered: TypeAlias = list[tuple[Call, Answer]]
"""A history with its answers."""

LENGTH = 100
"""Calls of one history; after it the truth is looked at and the stores are made new."""


class Pair:
    """A store with the victims, its twin without them, and the client under test on both.

    ``methods``: those that histories call; all unless set.
    """

    def __init__(self, subject: Subject, canaries: Canaries, *, run: str = "") -> None:
        shared = subject.raw is not None
        self.subject = subject
        self.canaries = canaries
        self.methods: frozenset[str] = frozenset()
        self.full = World(subject, canaries, victims=True, prefix=f"{run}a-" if shared else "")
        self.twin = World(subject, canaries, victims=False, prefix=f"{run}b-" if shared else "")
        victims = self.full.planted[self.full.docs].keys() - self.twin.planted[self.twin.docs]
        self.stored = tuple(sorted(victims))

    def reset(self) -> None:
        """Make both stores as they were planned."""
        self.full.reset()
        self.twin.reset()

    def histories(self, seed: int, number: int, length: int) -> Iterator[tuple[Call, Call]]:
        """Yield the same calls for both stores, none sharing an object with another."""
        one, other = (
            history(
                random.Random(f"{seed} {number}"), world.known(self.stored), length, self.methods
            )
            for world in (self.full, self.twin)
        )
        return zip(one, other, strict=True)

    def made(self, call: Call, of_twin: Call) -> tuple[Answer, tuple[Kind, str] | None]:
        """Make the call on both stores; return the first's answer and what it gives away."""
        full, twin = self.full.answer(call), self.twin.answer(of_twin)
        found = self.verdict(call, full, twin)
        if (
            found
            and found[0] in {Kind.DIFFERENCE, Kind.VECTOR}
            and not (full.error or twin.error)
            and (
                self._differ_in_ties(call, of_twin, full, twin)
                or self._differ_in_ranks(call, of_twin, full, twin)
            )
        ):
            found = None
        return full, found

    def verdict(self, call: Call, full: Answer, twin: Answer) -> tuple[Kind, str] | None:
        """Return what the answers give away, the plainest kind first."""
        if kind := canary_in(self.canaries, full, named=call.arguments.get("collection_name", "")):
            return Kind(kind), "a victim's value is in the answer"
        if not agree(call, full, twin):
            if vectors_in(self.canaries, full) > vectors_in(self.canaries, twin):
                return Kind.VECTOR, "a victim's vector is in the answer"
            return Kind.DIFFERENCE, _difference(full, twin)
        if full.error is not None and not isinstance(full.error, self.subject.refusals):
            return Kind.CRASH, f"{type(full.error).__name__} reached the caller"
        return None

    def _differ_in_ties(self, call: Call, of_twin: Call, full: Answer, twin: Answer) -> bool:
        wide, wide_of_twin = without_limit(call), without_limit(of_twin)
        if wide is None or wide_of_twin is None:
            return False
        whole, whole_of_twin = self.full.answer(wide), self.twin.answer(wide_of_twin)
        return (
            whole.error is None
            and agree(wide, whole, whole_of_twin)
            and same_scores(full, twin)
            and shown_as_ranked(full, whole)
            and shown_as_ranked(twin, whole_of_twin)
        )

    def _differ_in_ranks(self, call: Call, of_twin: Call, full: Answer, twin: Answer) -> bool:
        """Say whether a fusion differs though the rankings that it is made of agree, with ties."""
        sources, of_twins = ranked_sources(call), ranked_sources(of_twin)
        rankings = [self.full.answer(each) for each in sources]
        others = [self.twin.answer(each) for each in of_twins]
        if any(each.error for each in (*rankings, *others)):
            return False
        return (
            all(map(agree, sources, rankings, others))
            and any(map(has_ties, rankings))
            and all_ranked(full, rankings)
            and all_ranked(twin, others)
        )

    def truth(self) -> tuple[Kind, str] | None:
        """Return what happened to the points, as the raw clients see them."""
        try:
            full, twin = self.full.snapshot(), self.twin.snapshot()
        except Exception:  # noqa: BLE001  a collection or the store itself is gone
            return Kind.CHANGE, "the collections cannot be read any more"
        if harm := self.full.harm(full) or self.twin.harm(twin):
            return Kind.CHANGE, harm
        if not same(self.full.own(full), self.twin.own(twin)):
            return Kind.DIFFERENCE, "the call wrote something else than it writes without victims"
        return None

    def close(self) -> None:
        """Close both stores."""
        self.full.close()
        self.twin.close()


def run_history(
    pair: Pair, seed: int, number: int, tally: Tally, *, length: int = LENGTH, careful: bool = False
) -> Answered:
    """Run one history and count it; return what the store with the victims answered.

    ``careful``: the truth is looked at after each call from the start, for clients that leak much.
    """
    if not careful:
        counted = Tally()
        answers = _fast(pair, seed, number, length, counted)
        if answers is not None:
            tally.add(counted)
            return answers
    return _careful(pair, seed, number, length, tally)


def _fast(pair: Pair, seed: int, number: int, length: int, tally: Tally) -> Answered | None:
    """Look at the truth at the end only; return None as soon as anything is given away."""
    pair.reset()
    answers: Answered = []
    for call, of_twin in pair.histories(seed, number, length):
        answer, found = pair.made(call, of_twin)
        if found:
            return None
        tally.count(call.method, call.tags, raised=answer.error is not None)
        answers.append((call, answer))
    return answers if pair.truth() is None else None


def _careful(pair: Pair, seed: int, number: int, length: int, tally: Tally) -> Answered:
    pair.reset()
    answers: Answered = []
    for step, (call, of_twin) in enumerate(pair.histories(seed, number, length)):
        answer, found = pair.made(call, of_twin)
        found = found or pair.truth()
        tally.count(
            call.method,
            call.tags,
            raised=answer.error is not None,
            kind=found[0] if found else None,
        )
        answers.append((call, answer))
        if found:
            place = f"seed {seed}, history {number}, call {step}"
            tally.findings.append(Finding.of(pair.subject.name, call, *found, place=place))
            pair.reset()
    return answers


def _difference(full: Answer, twin: Answer) -> str:
    if full.error is not None or twin.error is not None:
        said = full.told[:120] or "an answer", twin.told[:120] or "an answer"
        return f"with the victims: {said[0]}; without: {said[1]}"
    return "the answer differs where the victims' points are there"
