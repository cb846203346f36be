"""The signature layer: every rule and every decoder's gate, matched in one pass over a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..canonical import View
from ..decoding import GATES, Span
from .patterns import Gates, PatternSet, segments
from .rules import Rule, RulePack, shipped_packs


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's match, in characters of the view that was read."""

    rule: Rule
    start: int
    end: int


class Signatures:
    """Rules compiled for matching. Immutable once built; one instance serves many threads."""

    def __init__(self, packs: Sequence[RulePack]) -> None:
        rules = [rule for pack in packs for rule in pack.rules]
        self._owners = [rule for rule in rules for _ in rule.patterns]
        self._set = PatternSet([pattern for rule in rules for pattern in rule.patterns])
        self._gates = Gates([gate.pattern for gate in GATES])
        self.version = "signatures[" + ",".join(pack.version for pack in packs) + "]"

    def read(self, view: View) -> tuple[list[Match], dict[str, list[Span]]]:
        """Return the matches in ``view``, and where which decoder is worth running. Linear."""
        matches: list[Match] = []
        gates: dict[str, list[Span]] = {}
        for segment in segments(view.text):
            for index in self._gates.open(segment.data):
                gates.setdefault(GATES[index].decoder, []).append(segment.span())
            for index, start, end in self._set.spans(segment):
                matches.append(Match(self._owners[index], start, end))
        return matches, gates


@cache
def shipped_signatures() -> Signatures:
    """Return the shipped rules, compiled; once a process, for they cannot change."""
    return Signatures(shipped_packs())
