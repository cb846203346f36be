"""What a generator draws from: a random source, what the attacker may know, and what it used.

An attacker is taken to know everything but what it wants to see: ids of all tenants, as they are
given and as they are stored, keys and values of their payloads, names of collections.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qdrant_client import models

from .canaries import ATTACKER, DENSE, DIMENSIONS, MULTI, SECOND, VICTIMS, Canaries, gaussian

T = TypeVar("T")

KEYS = (
    "topic", "group", "n", "weight", "deep.a", "deep.secret", "deep", "tags", "tags[]", "rows[].k",
    "rows[].v", "rows", "when", "place", "text", "flag", "note", "missing",
)  # fmt: skip
RESERVED_KEYS = (
    "_ragbastion_id", '"_ragbastion_id"', "_ragbastion_access_owner", "_ragbastion_access_users[]",
)  # fmt: skip
SPELLINGS = ("{}", '"{}"', " {}", "{}[]", "{}[0]", "{}.x", '"{}"[]', "{} ")
"""Ways to write a payload path that reaches the tenant's key."""
MALFORMED: tuple[Any, ...] = (-1, 2**64, True, 1.5, "not a uuid", None, b"1", "")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the attacker knows: ids of each kind, names, and the canaries to guess at."""

    canaries: Canaries
    docs: str
    shadow: str
    tenant_key: str
    stored: tuple[Any, ...] = ()

    @property
    def own(self) -> list[Any]:
        """The attacker's ids."""
        return [point.id for point in self.canaries.points(ATTACKER)]

    @property
    def foreign(self) -> list[Any]:
        """Ids of the victims as the victims give them."""
        return [p.id for tenant in VICTIMS for p in self.canaries.points(tenant)]


@dataclass
class Draw:
    """Draws the parts of one call; ``tags`` collects what the attack consists of."""

    rng: random.Random
    known: Known
    tags: set[str] = field(default_factory=set)
    names_tenant: bool = False
    reaches: bool = False
    malformed: bool = False
    # The engine orders these as it likes: answers are compared without their order, or not at all.
    unordered: bool = False
    unsteady: bool = False

    def begin(self) -> None:
        """Forget the last call and choose the mood of the next."""
        self.tags = set()
        self.unordered = self.unsteady = False
        self.names_tenant = self.chance(0.08)
        self.reaches = self.chance(0.45)
        self.malformed = self.chance(0.05)

    def chance(self, share: float) -> bool:
        """Return True for this share of draws."""
        return self.rng.random() < share

    def one(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self.rng.random() * len(choices))]

    def some(self, made: Callable[[], T], most: int, least: int = 0) -> list[T]:
        """Return up to ``most`` of what the function makes."""
        return [made() for _ in range(self.rng.randint(least, most))]

    def maybe(self, made: Callable[[], T], share: float = 0.5) -> T | None:
        """Return what the function makes, or None."""
        return made() if self.chance(share) else None

    def weighted(self, choices: Sequence[tuple[float, Callable[[], Any]]]) -> Any:
        """Return what one of the functions makes, each chosen by its weight."""
        at = self.rng.random() * sum(weight for weight, _ in choices)
        for weight, made in choices:
            at -= weight
            if at < 0:
                return made()
        return choices[-1][1]()

    def id(self) -> Any:
        """Return an id: one's own, another's as given or as stored, one that is nowhere."""
        if self.malformed and self.chance(0.3):
            self.tags.add("malformed")
            return self.one(MALFORMED)
        if not self.reaches or self.chance(0.4):
            return self.rng.randint(900, 960) if self.chance(0.06) else self.one(self.known.own)
        self.tags.add("foreign id")
        if self.known.stored and self.chance(0.4):
            return self.one(self.known.stored)
        return self.one(self.known.foreign)

    def valid_id(self) -> models.ExtendedPointId:
        """Return an id that the request models take; what they refuse reaches no client."""
        id_ = self.id()
        if isinstance(id_, str):
            return id_ if len(id_) > 20 else 7
        return id_ if type(id_) is int and 0 <= id_ < 2**64 else 7

    def key(self) -> str:
        """Return a payload path; in some calls one that names the tenant."""
        if self.names_tenant and self.chance(0.5):
            self.tags.add("tenant key")
            if self.chance(0.3):
                return self.one(RESERVED_KEYS)
            return self.one(SPELLINGS).format(self.known.tenant_key)
        return self.one(KEYS)

    def value(self) -> Any:
        """Return a payload value: a shared one, one's own, or a victim's."""
        tenant = self.one((ATTACKER, *VICTIMS))
        payload = self.one(self.known.canaries.points(tenant)).payload or {}
        found = payload[self.one(("topic", "group", "n", "text", "flag"))]
        return self.one((found, found, tenant, "x", "red", "g1"))

    def vector(self, name: str) -> list[float]:
        """Return a vector of the named kind; sometimes a victim's own."""
        size = DIMENSIONS[name]
        if self.malformed and self.chance(0.3):
            self.tags.add("malformed")
            size += 1
        if size in self.known.canaries.vectors and self.chance(0.2):
            return list(self.one(self.known.canaries.vectors[size]))
        return gaussian(self.rng, size)

    def multi(self) -> list[list[float]]:
        """Return a multivector."""
        return [self.vector(MULTI) for _ in range(self.rng.randint(1, 2))]

    def dense_name(self) -> str:
        """Return the name of a dense vector."""
        return DENSE if self.chance(0.75) else SECOND
