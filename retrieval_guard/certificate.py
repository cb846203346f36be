"""The certificate of a context: how much of it bad sources can be, by construction.

>>> from ragbastion.retrieval_guard import Certificate
>>> Certificate(k=5, source_cap=2, sources=7).max_poison(1)
2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A bound on the poison among ``k`` served passages, for any number of bad sources.

    ``source_cap`` is None when the collection has a single registered source for the tenant, where
    no other source could corroborate it. The bound counts verified sources: it holds only as far
    as opening a source costs an attacker something.
    """

    k: int
    source_cap: int | None
    sources: int

    def max_poison(self, bad_sources: int) -> int:
        """Return how many of the ``k`` passages that many bad sources can have written at most."""
        if bad_sources < 0:
            raise UsageError(f"bad_sources must be 0 or more, not {bad_sources}")
        if bad_sources == 0:
            return 0
        return self.k if self.source_cap is None else min(self.k, self.source_cap * bad_sources)

    @property
    def bad_sources_for_majority(self) -> int | None:
        """How many bad sources are needed for more than half of the passages; None if k is 0."""
        if self.k == 0:
            return None
        return 1 if self.source_cap is None else (self.k // 2) // self.source_cap + 1

    @property
    def statement(self) -> str:
        """The bound as one sentence."""
        if self.source_cap is None:
            return (
                f"single source: if it is bad, all {self.k} passages may be; "
                "ingest under one source name per origin to get a bound"
            )
        return (
            f"with s bad sources at most min({self.k}, {self.source_cap} * s) "
            f"of {self.k} passages are theirs"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, with the bound for one bad source worked out."""
        return {
            "k": self.k,
            "source_cap": self.source_cap,
            "sources": self.sources,
            "max_poison_one_bad_source": self.max_poison(1),
            "bad_sources_for_majority": self.bad_sources_for_majority,
            "statement": self.statement,
        }
