"""One block of an attack: histories, every other name, vectors from scores, on each client."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from .answers import agree
from .calls import GENERATED
from .canaries import Canaries
from .epochs import LENGTH, Answered, Pair, run_history
from .findings import Finding, Kind, Tally
from .rebuilding import attack_by_scores
from .subjects import Subject
from .surface import attack_surface
from .timing import ROUNDS, TimingRow, timing_rows

BLOCK = 10
"""Histories of a block: what a run writes down at once, and loses at most when it is killed."""

Tallies = dict[str, Tally]
"""What was found, by subject."""

EXPECTED = frozenset(GENERATED) - {"collection_exists"}
"""Methods that the naive wrapper leaks through; a finder that misses one of them is broken."""


class Attack:
    """Stores and clients of some subjects, attacked block by block; close it when done.

    ``run`` begins the names of collections on stores that are shared.
    """

    def __init__(self, subjects: Sequence[Subject], seed: int, *, run: str = "leaks-") -> None:
        canaries = Canaries(seed)
        self._seed = seed
        self._pairs = [
            Pair(subject, canaries, run=f"{run}{number}-")
            for number, subject in enumerate(subjects)
        ]

    def block(self, number: int, size: int | None = None) -> Tallies:
        """Run one block and return what it counted; the same number gives the same calls.

        ``size``: histories of a block, `BLOCK` unless given.
        """
        size = BLOCK if size is None else size
        tallies = {pair.subject.name: Tally() for pair in self._pairs}
        with warnings.catch_warnings():
            # Local mode warns of parameters that it does not need.
            warnings.simplefilter("ignore")
            for history in range(number * size, (number + 1) * size):
                self._history(history, tallies)
            for pair in self._pairs if number == 0 else ():  # they are the same each time
                attack_surface(pair, self._seed, tallies[pair.subject.name])
                attack_by_scores(pair, self._seed, tallies[pair.subject.name])
        return tallies

    def control(self, most: int = 60) -> Tallies:
        """Attack clients that leak much, until every leak that is expected was seen.

        ``most``: histories at the most; each finding costs two stores made new.
        """
        tallies = {pair.subject.name: Tally() for pair in self._pairs}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for pair in self._pairs:
                tally = tallies[pair.subject.name]
                attack_surface(pair, self._seed, tally)
                attack_by_scores(pair, self._seed, tally)
                for number in range(most):
                    run_history(pair, self._seed, number, tally, careful=True)
                    if tally.leaks.keys() >= EXPECTED:
                        break
        return tallies

    def timing(self, rounds: int = ROUNDS) -> dict[str, list[TimingRow]]:
        """Time calls with foreign and with missing ids, by subject."""
        return {pair.subject.name: timing_rows(pair, self._seed, rounds) for pair in self._pairs}

    def close(self) -> None:
        """Drop what was made and close the stores."""
        for pair in self._pairs:
            pair.close()

    def _history(self, number: int, tallies: Tallies) -> None:
        told: list[Answered] = []
        for pair in self._pairs:
            tally = tallies[pair.subject.name]
            before = sum(tally.leaks.values())
            answers = run_history(pair, self._seed, number, tally)
            # Stores were made new at different calls: nothing to compare.
            told += [answers] if sum(tally.leaks.values()) == before else []
        if len(told) > 1 and len(told) == len(self._pairs):
            for pair, answers in zip(self._pairs[1:], told[1:], strict=True):
                _compare(told[0], answers, tallies[pair.subject.name], pair, f"history {number}")


def _compare(first: Answered, second: Answered, tally: Tally, pair: Pair, place: str) -> None:
    """Compare the answers of two kinds of client to the same calls."""
    for step, ((call, one), (_, other)) in enumerate(zip(first, second, strict=True)):
        if not agree(call, one, other):
            said = f"{one.told[:120] or 'an answer'}; {other.told[:120] or 'an answer'}"
            where = f"{place}, call {step}"
            tally.found(Finding.of(pair.subject.name, call, Kind.DISAGREEMENT, said, place=where))


def histories_for(calls: int, subjects: int) -> int:
    """Return how many histories make at least so many calls on so many subjects."""
    return max(1, -(-calls // (LENGTH * subjects)))


def add_up(found: Tallies, block: Tallies) -> None:
    """Add what a block counted."""
    for name, tally in block.items():
        found[name].add(tally)
