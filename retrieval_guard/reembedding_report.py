"""What a re-embedding audit found: of each chunk that it drew, and of all by statistics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..core.chunk import ChunkId, TenantId
from .sampling import findable_share, largest_bad_count

MAX_ANGLE_DEGREES = 1.0
"""How far a stored vector may lie from its text's own. Honest ones (benchmarks/reembedding.py, the
furthest of each): other batches, orders, threads and instructions 0.00006, half precision 0.014,
8 bits a coordinate 0.78. Not honest: another text is 13 away at the least, and who turns a vector
within the sketch of version 2 towards another, 1.7 to 2.4."""

MAX_LISTED = 1000
"""How many chunks a report names; the counts cover all."""


class VectorMatch(StrEnum):
    """What the audit found of one chunk."""

    MATCHING = "matching"
    MISMATCHED = "mismatched"
    """Its vector is not the one that the model makes of its text."""
    NOT_COMPARABLE = "not_comparable"
    """Its envelope names another model, or none, or it changed meanwhile: nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembeddingFinding:
    """A chunk that does not match; cosine and angle are None where nothing was compared."""

    id: ChunkId
    tenant: TenantId
    source: str
    state: VectorMatch
    reason: str
    cosine: float | None = None
    angle_degrees: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "source": self.source,
            "state": self.state.value,
            "cosine": self.cosine,
            "angle_degrees": self.angle_degrees,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembeddingReport:
    """What a sample of a collection's verified chunks is worth by its own model.

    ``population`` is how many chunks the sample was drawn from; `findable_share` the smallest share
    of mismatched ones among them that the sample would have shown with 95 % confidence, and
    `largest_share` the largest that fits what it did show.
    """

    model: str
    model_digest: str
    seed: int
    population: int
    counts: dict[VectorMatch, int]
    largest_angle_degrees: float
    findings: tuple[ReembeddingFinding, ...]

    @property
    def clean(self) -> bool:
        """Whether every chunk of the sample was compared and matches."""
        bad = (VectorMatch.MISMATCHED, VectorMatch.NOT_COMPARABLE)
        return not any(self.counts[state] for state in bad)

    @property
    def compared(self) -> int:
        """How many chunks were compared with the model's own vector."""
        return self.counts[VectorMatch.MATCHING] + self.counts[VectorMatch.MISMATCHED]

    @property
    def comparable(self) -> int:
        """The population, less what was seen not to be comparable."""
        return self.population - self.counts[VectorMatch.NOT_COMPARABLE]

    @property
    def findable_share(self) -> float:
        """The smallest share of mismatched chunks that the sample finds with 95 % confidence."""
        return findable_share(sampled=self.compared, population=self.comparable)

    @property
    def largest_share(self) -> float:
        """How many of the comparable chunks may be mismatched, as a share, by the same bound."""
        if not self.compared:
            return 1.0
        most = largest_bad_count(
            sampled=self.compared,
            population=self.comparable,
            bad=self.counts[VectorMatch.MISMATCHED],
        )
        return most / self.comparable

    def totals(self) -> dict[str, int]:
        """Return the count of each state by its name, after what they were drawn from."""
        counts = {state.value: self.counts[state] for state in VectorMatch}
        return {"population": self.population, "sampled": sum(counts.values()), **counts}

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "clean": self.clean,
            "model": self.model,
            "model_digest": self.model_digest,
            "seed": self.seed,
            **self.totals(),
            "max_angle_degrees": MAX_ANGLE_DEGREES,
            "largest_angle_degrees": self.largest_angle_degrees,
            "findable_share": self.findable_share,
            "largest_share": self.largest_share,
            "findings": [finding.as_dict() for finding in self.findings],
        }
