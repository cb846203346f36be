"""What is planted: points of several tenants, every value of a victim's unique to it.

A canary is a marker in a text, a number, an id or a vector that nobody but its tenant knows. What
an attacker writes never holds one, so one that comes back is a leak.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from qdrant_client import models

ATTACKER = "acme"
VICTIMS = ("globex", "initech")
BYSTANDER = "hooli"
"""A tenant that is in both stores, so that neither is ever empty; its points may not change."""
TENANT_KEY = "tenant"
DENSE, SECOND, MULTI, WORDS, TERMS = "dense", "second", "multi", "words", "terms"
DIMENSIONS = {DENSE: 6, SECOND: 4, MULTI: 3}

SCHEMA: dict[str, Any] = {
    "vectors_config": {
        DENSE: models.VectorParams(size=DIMENSIONS[DENSE], distance=models.Distance.COSINE),
        SECOND: models.VectorParams(size=DIMENSIONS[SECOND], distance=models.Distance.DOT),
        MULTI: models.VectorParams(
            size=DIMENSIONS[MULTI],
            distance=models.Distance.COSINE,
            multivector_config=models.MultiVectorConfig(
                comparator=models.MultiVectorComparator.MAX_SIM
            ),
        ),
    },
    "sparse_vectors_config": {
        WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF),
        TERMS: models.SparseVectorParams(),
    },
}
"""A collection with each kind of vector; one sparse vector is weighed by word frequencies."""

# Where each tenant's integer ids and sparse terms start, so that no two tenants share one.
_STARTS = {ATTACKER: 0, VICTIMS[0]: 100, VICTIMS[1]: 200, BYSTANDER: 300}
_POINTS = {ATTACKER: 8, VICTIMS[0]: 5, VICTIMS[1]: 3, BYSTANDER: 2}
SHARED_TERMS = 4
"""Sparse terms that every tenant uses: a word frequency over all tenants shows in their scores."""


@dataclass(frozen=True)
class Canaries:
    """The points of every tenant, drawn from one seed."""

    seed: int

    def marker(self, tenant: str) -> str:
        """Return the text that only this tenant's values hold."""
        return "zq" + hashlib.sha256(f"{self.seed} {tenant}".encode()).hexdigest()[:12]

    @cached_property
    def markers(self) -> tuple[str, ...]:
        """The markers of all tenants but the attacker's."""
        return tuple(self.marker(tenant) for tenant in (*VICTIMS, BYSTANDER))

    @cached_property
    def shadow(self) -> str:
        """The name of a collection that holds victims' points alone."""
        return f"shadow-{self.marker(VICTIMS[0])}"

    def points(self, tenant: str) -> list[models.PointStruct]:
        """Return the tenant's points: integer ids, and every fourth a UUID."""
        return self._points[tenant]

    @cached_property
    def _points(self) -> dict[str, list[models.PointStruct]]:
        return {
            tenant: [self._point(tenant, number) for number in range(1, held + 1)]
            for tenant, held in _POINTS.items()
        }

    @cached_property
    def numbers(self) -> frozenset[int | float]:
        """Numbers of the victims' payloads."""
        rows = [point.payload or {} for tenant in VICTIMS for point in self.points(tenant)]
        return frozenset(row["n"] for row in rows)

    @cached_property
    def vectors(self) -> dict[int, list[list[float]]]:
        """The victims' dense vectors by dimension, those of multivectors among them."""
        found: dict[int, list[list[float]]] = {}
        for point in (point for tenant in VICTIMS for point in self.points(tenant)):
            named: Any = point.vector
            for each in (named[DENSE], named[SECOND], *named[MULTI]):
                found.setdefault(len(each), []).append(each)
        return found

    def _point(self, tenant: str, number: int) -> models.PointStruct:
        rng = random.Random(f"{self.seed} {tenant} {number}")
        start = _STARTS[tenant]
        id_: int | str = start + number if number % 4 else str(UUID(int=rng.getrandbits(128)))
        return models.PointStruct(
            id=id_,
            vector=random_vectors(rng, own_terms=range(10 + start, 20 + start)),
            payload=self._payload(rng, tenant, number),
        )

    def _payload(self, rng: random.Random, tenant: str, number: int) -> dict[str, Any]:
        marker = self.marker(tenant)
        start = _STARTS[tenant]
        return {
            TENANT_KEY: tenant,
            "text": f"{marker} note {number} of the quarter",
            "topic": rng.choice(["x", "y", f"{marker}-topic"]),
            "group": rng.choice(["g1", "g2", f"{marker}-group"]),
            "n": 1000 * start + 7 * number + 3,
            "weight": round(rng.uniform(0.1, 9.0) + start, 6),
            "deep": {"a": number + start, "secret": f"{marker} deep {number}"},
            "tags": rng.sample(["red", "green", f"{marker}-tag"], 2),
            "rows": [{"k": f"{marker}-k", "v": number}, {"k": "k", "v": start + number}],
            "when": f"20{10 + number:02}-03-{1 + start // 20:02}T10:00:00Z",
            "place": {"lon": rng.uniform(-60, 60), "lat": rng.uniform(-60, 60)},
            "flag": bool(number % 2),
        }


def random_vectors(rng: random.Random, own_terms: Sequence[int]) -> dict[str, Any]:
    """Return one vector of each kind; no two points score alike with one query."""
    return {
        DENSE: gaussian(rng, DIMENSIONS[DENSE]),
        SECOND: gaussian(rng, DIMENSIONS[SECOND]),
        MULTI: [gaussian(rng, DIMENSIONS[MULTI]) for _ in range(2)],
        WORDS: sparse(rng, [*range(SHARED_TERMS), *own_terms]),
        TERMS: sparse(rng, [*range(SHARED_TERMS), *own_terms]),
    }


def gaussian(rng: random.Random, size: int) -> list[float]:
    """Return a random direction, (size,)."""
    return [rng.gauss(0.0, 1.0) for _ in range(size)]


def sparse(rng: random.Random, terms: Sequence[int]) -> models.SparseVector:
    """Return a sparse vector of some of the terms."""
    chosen = sorted(rng.sample(terms, min(4, len(terms))))
    return models.SparseVector(indices=chosen, values=[rng.uniform(0.2, 2.0) for _ in chosen])
