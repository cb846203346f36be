"""Evidence: what the detectors saw, gathered into windows and weighed into one probability.

A window holds the hits within `WINDOW` characters. Its probability is a logistic function of, for
each group of evidence, its strongest hit; the weights are fitted by ``benchmarks/fit_scanner.py``.
The worst window decides, so length dilutes nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ...core.verdict import Severity

WINDOW = 800
"""Characters within which evidence adds up: about a dozen lines of mail."""

QUOTED_FLOOR = 0.3
"""Above the default flag threshold and below the one for quarantine."""
HIDDEN = "hidden_payload"
DISGUISED = "disguised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One detector's match, in characters of the original text.

    ``value`` in [0, 1] is the share of its group's weight, ``discount`` what it keeps of it for
    standing in text about attacks. ``disguised`` tells that the raw text
    did not show it. ``exact`` spans are removed as they are, others with their sentence.
    """

    detector: str
    description: str
    group: str
    severity: Severity
    value: float
    start: int
    end: int
    discount: float = 1.0
    disguised: bool = False
    exact: bool = False

    @property
    def rule(self) -> bool:
        """Whether a rule or a carrier matched, not a model's judgement of a sentence."""
        return self.group not in ("classifier", "external")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The fitted logistic function: an intercept, and one weight a group of evidence."""

    version: str
    intercept: float
    groups: Mapping[str, float]

    def probability(self, logit: float) -> float:
        """Return the probability of a logit above the intercept, in (0, 1)."""
        return logistic(self.intercept + logit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The hits ``first`` to ``last`` (inclusive, by position) and their probability together."""

    first: int
    last: int
    score: float


def logistic(logit: float) -> float:
    """Return the probability in (0, 1) of log odds."""
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


@cache
def shipped_weights() -> Weights:
    """Return the committed weights; read once a process, for they cannot change."""
    content = (Path(__file__).parent / "weights.json").read_bytes()
    data: dict[str, Any] = json.loads(content)
    version = f"{data['version']}+{hashlib.sha256(content).hexdigest()[:8]}"
    return Weights(version=version, intercept=data["intercept"], groups=data["groups"])


def windows(hits: Sequence[Hit], weights: Weights) -> list[Window]:
    """Return one window a hit, the one that ends with it; ``hits`` are sorted by start. Linear.

    A discount lowers a window to `QUOTED_FLOOR`, not below: quoting is no way past the flag.
    """
    found = _swept(hits, weights)
    if all(hit.discount == 1.0 for hit in hits):
        return found
    openly = _swept([replace(hit, discount=1.0) for hit in hits], weights)
    return [
        replace(window, score=max(window.score, min(full.score, QUOTED_FLOOR)))
        for window, full in zip(found, openly, strict=True)
    ]


def _swept(hits: Sequence[Hit], weights: Weights) -> list[Window]:
    best: dict[str, deque[int]] = {}
    left = 0
    logit = 0.0
    found = []
    for index, hit in enumerate(hits):
        for group in _groups(hit):
            queue = best.setdefault(group, deque())
            logit -= _top(queue, group, hits, weights)
            while queue and _value(hits[queue[-1]], group) <= _value(hit, group):
                queue.pop()
            queue.append(index)
            logit += _top(queue, group, hits, weights)
        while hits[left].start < hit.start - WINDOW:
            for group in _groups(hits[left]):
                queue = best[group]
                if queue and queue[0] == left:
                    logit -= _top(queue, group, hits, weights)
                    queue.popleft()
                    logit += _top(queue, group, hits, weights)
            left += 1
        found.append(Window(first=left, last=index, score=weights.probability(logit)))
    return found


def hit_scores(found: Sequence[Window]) -> list[float]:
    """Return, for each hit, the score of the worst window that holds it. Linear."""
    scores = [0.0] * len(found)
    queue: deque[int] = deque()
    right = 0
    for index in range(len(found)):
        while right < len(found) and found[right].first <= index:
            while queue and found[queue[-1]].score <= found[right].score:
                queue.pop()
            queue.append(right)
            right += 1
        while queue[0] < index:
            queue.popleft()
        scores[index] = found[queue[0]].score
    return scores


def _groups(hit: Hit) -> tuple[str, ...]:
    return (hit.group, DISGUISED) if hit.disguised else (hit.group,)


def _value(hit: Hit, group: str) -> float:
    return 1.0 if group == DISGUISED else hit.value * hit.discount


def _top(queue: deque[int], group: str, hits: Sequence[Hit], weights: Weights) -> float:
    return weights.groups[group] * _value(hits[queue[0]], group) if queue else 0.0
