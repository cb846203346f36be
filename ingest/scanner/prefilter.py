"""Which patterns can occur in a text: one pass of an Aho-Corasick automaton over their literals.

The only module that imports ahocorasick_rs. What it rules out is certain, what it lets through the
pattern engine decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import ahocorasick_rs

from .literals import Alternative, Clause, occurrences, required

_TRY_COST = 40.0
"""Matches of literals that take as long as trying a pattern (benchmarks/signatures.py)."""


class Prefilter:
    """Finds the patterns of which a text holds the literals. Immutable once built."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._always: list[int] = []
        bits: dict[Clause, int] = {}
        keyed: dict[Clause, list[tuple[int, int]]] = {}
        for index, pattern in enumerate(patterns):
            alternatives = required(pattern)
            if not all(alternatives):
                self._always.append(index)
                continue
            for alternative in alternatives:
                chosen = _chosen(alternative)
                needed = sum({1 << bits.setdefault(clause, len(bits)) for clause in chosen})
                keyed.setdefault(chosen[0], []).append((needed, index))
        literals: dict[str, int] = {}
        for clause, bit in bits.items():
            for literal in clause:
                literals[literal] = literals.get(literal, 0) | 1 << bit
        self._masks = list(literals.values())
        numbers = {literal: number for number, literal in enumerate(literals)}
        self._keyed: list[list[tuple[int, int]]] = [[] for _ in literals]
        for clause, pairs in keyed.items():
            for literal in clause:
                self._keyed[numbers[literal]] += pairs
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            [literal.encode() for literal in literals],
            implementation=ahocorasick_rs.Implementation.DFA,
        )

    def candidates(self, folded: bytes) -> list[int]:
        """Return the sorted indexes of the patterns that may match; ``folded`` is case-folded."""
        found = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        literals = {match[0] for match in found}
        fulfilled = 0
        for literal in literals:
            fulfilled |= self._masks[literal]
        possible = set(self._always)
        for literal in literals:
            for needed, index in self._keyed[literal]:
                if needed & fulfilled == needed:
                    possible.add(index)
        return sorted(possible)


def _chosen(alternative: Alternative) -> list[frozenset[str]]:
    """Return the rarest clause, and those others that save more than it costs to look for them."""
    ordered = sorted(alternative, key=lambda clause: (occurrences(clause), sorted(clause)))
    chosen = ordered[:1]
    chance = 1.0 - math.exp(-occurrences(ordered[0]))
    for clause in ordered[1:]:
        common = occurrences(clause)
        if chance * math.exp(-common) * _TRY_COST > common:
            chosen.append(clause)
            chance *= 1.0 - math.exp(-common)
    return chosen
