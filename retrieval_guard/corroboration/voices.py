"""Which passages are one voice: sources of one hand, and all those that nobody knows yet.

- INVARIANT: a source has one voice of its own at most; naming an owner or a domain can only join
  sources, so that no claim about itself makes a source more than one.
- INVARIANT: all sources in probation together are one voice, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...core.settings_retrieval import RetrievalSettings
from .standing import CollectionFacts, Standing


@dataclass(frozen=True, slots=True, order=True)
class Voice:
    """What counts as one; an established voice is named by the first of its sources."""

    kind: str
    name: str = field(default="")

    @property
    def established(self) -> bool:
        """Whether it stands on its own."""
        return self.kind == "established"

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.established else self.kind


PROBATION = Voice("probation")
"""All sources in probation, and all passages that ingestion flagged."""

UNVERIFIED = Voice("unverified")
"""All passages without a proof of their source."""


def voices_of(
    standings: Sequence[Standing], facts: CollectionFacts, settings: RetrievalSettings
) -> list[Voice]:
    """Return the voice of each passage."""
    own = [_kind(each, facts, settings) for each in standings]
    known = [each for each, kind in zip(standings, own, strict=True) if kind is None]
    heads = heads_of(known)
    return [
        Voice("established", heads[each.source]) if kind is None else kind
        for each, kind in zip(standings, own, strict=True)
    ]


def count_established(
    standings: Iterable[Standing], facts: CollectionFacts, settings: RetrievalSettings
) -> int:
    """Return how many established voices some sources are."""
    return len(set(heads_of(established_of(standings, facts, settings)).values()))


def established_of(
    standings: Iterable[Standing], facts: CollectionFacts, settings: RetrievalSettings
) -> list[Standing]:
    """Return those that speak for themselves."""
    return [each for each in standings if _kind(each, facts, settings) is None]


def heads_of(standings: Sequence[Standing]) -> dict[str, str]:
    """Return for each source the first source, by name, of those that share its hand.

    Shared is an owner, a domain, or a domain of which another is a part; what is shared over a
    third source counts too.
    """
    above: dict[str, str] = {}

    def head(name: str) -> str:
        while above.setdefault(name, name) != name:
            above[name] = name = above[above[name]]
        return name

    held: dict[tuple[str, str], str] = {}
    for each in {one.source: one for one in standings}.values():
        if not each.owner and not each.domain:
            continue  # most of them: nothing joins it to another
        for mark in _marks(each):
            one, other = sorted((head(each.source), head(held.setdefault(mark, each.source))))
            above[other] = one
    domains = {name: source for (kind, name), source in held.items() if kind == "domain"}
    for name, source in domains.items():
        for parent in _parents(name):
            if parent in domains:
                one, other = sorted((head(source), head(domains[parent])))
                above[other] = one
    return {each.source: head(each.source) for each in standings}


def _kind(standing: Standing, facts: CollectionFacts, settings: RetrievalSettings) -> Voice | None:
    """Return the shared voice that a passage falls to, or None if its source has its own."""
    if not standing.verified:
        return UNVERIFIED
    if standing.signals or not standing.is_established(facts, settings):
        return PROBATION
    return None


def _marks(standing: Standing) -> list[tuple[str, str]]:
    owner = " ".join(standing.owner.casefold().split())
    domains = (each.strip(".") for each in standing.domain.casefold().split())
    named = [("owner", owner), *(("domain", each) for each in domains)]
    return [mark for mark in named if mark[1]]


def _parents(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels))]
