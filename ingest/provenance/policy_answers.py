"""A trust policy's answers about chunks, each found once for all chunks that it is the same for."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import NamedTuple

from ...core.chunk import Chunk
from .source_records import SourceRecord, TrustTier
from .topics import UNSTATED, topics_in
from .trust_policy import Answer, Asked, TrustPolicy

_MAX_CACHED = 10_000

MAX_CLOCK_STEP_S = 300.0
"""A step back that time services make in passing; one further back needs a person."""

_AskedOf = tuple[str, str, str, str, TrustTier, str]
"""All but the age: tenant, collection, source, document, tier, topic."""


class Times(NamedTuple):
    """When a statement was signed by its own word, and when it arrived here."""

    signed_at: int
    arrived_at: float


class PolicyAnswers:
    """Asks one policy."""

    def __init__(self, rules: TrustPolicy) -> None:
        self._rules = rules
        self._by_document = rules.names_documents()
        self._topic_field = rules.topic_field if rules.names_topics() else ""
        self._fresh = lru_cache(_MAX_CACHED)(self._new)

    def __call__(self, chunk: Chunk, collection: str, source: SourceRecord, times: Times) -> Answer:
        """Return what the policy says of a chunk of a source, signed and arrived at some times.

        Of a chunk of several topics, what it says of the one that is worst.
        """
        document = chunk.document if self._by_document else ""
        asked = (chunk.tenant, collection, source.source, document, source.tier)
        age = _age_s(times)
        if not self._topic_field:
            return self._answer((*asked, UNSTATED), age)
        topics = topics_in(chunk.metadata, self._topic_field)
        answers = [self._answer((*asked, topic), age) for topic in topics]
        return min(answers, key=lambda answer: (not answer.refused, answer.allowed))

    def _answer(self, asked: _AskedOf, age: float) -> Answer:
        answer, holds = self._fresh(asked)
        if answer.allowed and age > holds:
            return self._rules.decide(_question(asked, age))
        return answer

    def _new(self, asked: _AskedOf) -> tuple[Answer, float]:
        """Return the answer for what was signed just now, and up to which age it holds."""
        fresh = _question(asked, 0.0)
        return self._rules.decide(fresh), self._rules.holds_until_age_s(fresh)


def _question(asked: _AskedOf, age: float) -> Asked:
    tenant, collection, source, document, tier, topic = asked
    return Asked(tenant, collection, source, document, tier, age, topic)


def _age_s(times: Times) -> float:
    """Return how old a statement is; infinite if this machine's clock runs behind its arrival.

    By the earlier of its times: no wrong clock, forward or back, makes a chunk younger.
    """
    now = time.time()
    if now < times.arrived_at - MAX_CLOCK_STEP_S:
        return math.inf
    return max(0.0, now - min(times))
