"""A random sample of what a sweep sees, and what the sample says of the rest.

>>> SampleSize.parse("5%").of(1000), SampleSize.parse("200").of(1000), SampleSize.parse("all").of(7)
(50, 200, 7)
>>> round(findable_share(sampled=200, population=1_000_000), 4)
0.0149

- INVARIANT: every item offered to a reservoir is in the sample with the same probability, whatever
  the order (Vitter, "Random Sampling with a Reservoir", 1985, algorithm R).
"""

from __future__ import annotations

import math
import random
import re
import secrets
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Self, TypeVar

from ..core.chunk import ChunkId, TenantId
from ..core.errors import UsageError

CONFIDENCE = 0.95

_SIZE = re.compile(r"(?P<count>[0-9]{1,12})|(?P<percent>[0-9]{1,3}(\.[0-9]{1,9})?)%|all")
_MAX_SHOWN = 40

Item = TypeVar("Item")

Drawn = tuple[TenantId, ChunkId]
"""What an audit keeps of a chunk that was drawn: whose it is, and its id."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How much to sample: ``count`` items, or else the ``share`` of them in (0, 1]."""

    count: int | None = None
    share: Fraction | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.share is None):
            raise UsageError("sample refused: give either a count or a share")
        if self.count is not None and self.count < 1:
            raise UsageError("sample of 0 refused: it would show nothing; give 1 or more, or 'all'")
        if self.share is not None and not 0 < self.share <= 1:
            raise UsageError("sample refused: a share must be above 0 % and at most 100 %")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "200", "5%" or "all"; raise `UsageError` for anything else."""
        found = _SIZE.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f"sample {text[:_MAX_SHOWN]!r} refused: give a number of chunks (200), a share of "
                "them (5%), or 'all'"
            )
        if found["count"]:
            return cls(count=int(found["count"]))
        return cls(share=Fraction(found["percent"]) / 100 if found["percent"] else Fraction(1))

    def of(self, population: int) -> int:
        """Return how many of so many items to take; a share is rounded up."""
        if self.count is not None:
            return self.count
        return math.ceil((self.share or 0) * population)


class Reservoir(Generic[Item]):
    """Keeps ``size`` of the items that are offered, each with the same probability.

    ``seed`` makes the sample the same again for the same items in the same order; without one it
    cannot be foreseen.
    """

    def __init__(self, size: int, seed: int | None = None) -> None:
        self.seed = secrets.randbits(32) if seed is None else seed
        self.offered = 0
        self._size = size
        self._kept: list[Item] = []
        self._random = random.Random(self.seed)  # noqa: S311 - it draws, it guards nothing

    def offer(self, item: Item) -> None:
        """Take an item into account."""
        self.offered += 1
        if len(self._kept) < self._size:
            self._kept.append(item)
        elif (at := self._random.randrange(self.offered)) < self._size:
            self._kept[at] = item

    def drawn(self) -> list[Item]:
        """Return the sample, in no order that means anything."""
        return list(self._kept)


def findable_share(*, sampled: int, population: int) -> float:
    """Return the smallest share of bad items that would have shown one with `CONFIDENCE`.

    Exact for a sample without replacement (hypergeometric); near 3 / ``sampled``, the rule of
    three, in a large population. 1.0 where nothing was sampled.
    """
    if not 0 < sampled <= population:
        return 1.0
    most = largest_bad_count(sampled=sampled, population=population, bad=0)
    return min(1.0, (most + 1) / population)


def largest_bad_count(*, sampled: int, population: int, bad: int) -> int:
    """Return how many items of the population may be bad, by the one-sided bound of `CONFIDENCE`.

    That many or fewer: with more, a sample that shows ``bad`` of them or fewer would come up less
    often than one time in twenty.
    """
    least, most = bad, population - sampled + bad
    while least < most:
        middle = (least + most + 1) // 2
        if _at_most(bad, sampled, population, middle) >= 1 - CONFIDENCE:
            least = middle
        else:
            most = middle - 1
    return least


def _at_most(shown: int, sampled: int, population: int, bad: int) -> float:
    """Return the probability that a sample shows at most so many of the bad ones."""
    whole = _log_choose(population, sampled)
    least = max(0, sampled - (population - bad))
    terms = (
        _log_choose(bad, each) + _log_choose(population - bad, sampled - each) - whole
        for each in range(least, min(shown, bad) + 1)
    )
    return math.fsum(math.exp(term) for term in terms)


def _log_choose(of: int, take: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)
