"""The certificate of a context: how much of it bad sources can be, by construction.

>>> from ragbastion.retrieval_guard import Certificate
>>> Certificate(k=5, source_cap=2, sources=7).max_poison(1)
2
>>> served = Certificate(k=5, source_cap=2, sources=7, established=(2, 1, 1), probation=1)
>>> served.bound(established=1), served.bound(established=1, new=9), served.max_poison(1)
(2, 3, 2)

Definitions and proofs stand in docs/retrieval_certificate.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A bound on the poison among ``k`` served passages, for any number of bad sources.

    ``source_cap`` is what one voice may give; None where the collection has a single established
    voice, whom no other could correct. ``established`` says how many of the passages each
    established voice gave, largest first; ``probation`` how many all sources in probation did
    together, ``flagged`` how many of these are such because ingestion flagged them, ``unverified``
    how many have no proof. Without ``established`` nothing is known of who gave what, and the cap
    alone bounds. ``cold_start`` says that founding sources may be younger than the probation, so
    that sources count as established by having been among the first.
    """

    k: int
    source_cap: int | None
    sources: int
    established: tuple[int, ...] | None = None
    probation: int = 0
    flagged: int = 0
    unverified: int = 0
    cold_start: bool = False

    def max_poison(self, bad_sources: int) -> int:
        """Return how many of the ``k`` passages that many bad sources can have written at most.

        Whether they are established, new or without proof: the worst of all splits.
        """
        require_count(bad_sources, "bad_sources")
        return max(
            self.bound(
                established=bad_sources - new - unverified, new=new, unverified=bool(unverified)
            )
            for new in (0, 1)
            for unverified in (0, 1)
            if new + unverified <= bad_sources
        )

    def bound(self, *, established: int = 0, new: int = 0, unverified: bool = False) -> int:
        """Return the bound for so many bad established sources, and so many bad new ones.

        ``unverified`` says that what has no proof is bad as well. Any number of new sources is
        worth as much as one.
        """
        require_count(established, "established")
        require_count(new, "new")
        bad = self._of_established(established)
        # A bad established source may also have written what ingestion flagged.
        bad += self.probation if new else (self.flagged if established else 0)
        return min(self.k, bad + (self.unverified if unverified else 0))

    @property
    def bad_sources_for_majority(self) -> int | None:
        """How many bad sources are needed for more than half of the passages; None if k is 0."""
        if self.k == 0:
            return None
        return next(n for n in range(1, self.k + 3) if 2 * self.max_poison(n) > self.k)

    @property
    def single_voice(self) -> bool:
        """Whether what is served has no second established voice beside it."""
        return self.source_cap is None and self.k > 0

    @property
    def statement(self) -> str:
        """The bound as one sentence."""
        if not self.k:
            told = "nothing is served"
        elif self.source_cap is None:
            told = (
                f"single source: if it is bad, all {self.k} passages may be; "
                "ingest under one source name per origin to get a bound"
            )
        else:
            told = (
                f"with s bad sources at most min({self.k}, {self.source_cap} * s) "
                f"of {self.k} passages are theirs; all sources in probation count as one"
            )
            if self.flagged:
                told += f", and {self.flagged} that ingestion flagged count apart"
        if self.established is not None and self.k:
            told += f"; of these {self.k}, one bad source wrote {self.max_poison(1)} at most"
        if self.cold_start:
            told += "; cold start: the collection is too young to tell old sources from new ones"
        return told

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, with the bound for one bad source worked out."""
        return {
            "k": self.k,
            "source_cap": self.source_cap,
            "sources": self.sources,
            "established_voices": None if self.established is None else list(self.established),
            "probation": self.probation,
            "flagged": self.flagged,
            "unverified": self.unverified,
            "single_voice": self.single_voice,
            "cold_start": self.cold_start,
            "max_poison_one_bad_source": self.max_poison(1),
            "max_poison_one_established": self.bound(established=1),
            "max_poison_new_sources": self.bound(new=1),
            "bad_sources_for_majority": self.bad_sources_for_majority,
            "statement": self.statement,
        }

    def _of_established(self, bad: int) -> int:
        """Return the most that so many established voices gave, or may have given."""
        if self.established is not None:
            return sum(sorted(self.established, reverse=True)[:bad])
        if self.source_cap is None:
            return self.k if bad else 0
        return self.source_cap * bad


def require_count(value: int, name: str) -> None:
    """Raise `UsageError` for what is no number of sources, voices or passages."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} must be 0 or more, not {value}")
