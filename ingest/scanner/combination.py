"""One probability from two kinds of evidence: what rules matched, and what the network read.

Each unit, a rule's hit or a sentence, is weighed with what the other layer says of the same place.
The worst unit decides, so length dilutes nothing. The weights are fitted on documents of sources
that the network did not see (``benchmarks/classifier/combine.py``).
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ...core.errors import SettingsError
from ...core.verdict import Severity
from .classifier import Sentence
from .evidence import Hit, logistic

UNREAD = -7.0
"""Sentence and window logit of text that the gate passed over: the network reads such text so."""
SHADOW = 2.0
"""A sentence so far below the worst of its window stands in its shadow: what is near an order looks
like one. It is judged again, without it, once the order is stripped."""
_LOGIT_RANGE = 6.0
_LONGEST = 2_000
_DETECTOR = "classifier"
_DESCRIPTION = "A sentence that instructs a model and does not belong to its document."
DISTRUST = 0.5
"""What rules alone keep of their logit. On sources left out this costs nothing, and who finds words
that the network passes has not passed the rules (``benchmarks/classifier/combine.py``)."""


class Combination(BaseModel):
    """The fitted logistic function over the logits of a unit, and thresholds by budget.

    ``budgets`` maps a share of false alarms, such as ``1%``, to the score that keeps it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    bias: float
    rules: float
    sentence: float
    window: float
    budgets: Mapping[str, float]

    def probability(self, rules: float, sentence: float, window: float) -> float:
        """Return the probability in (0, 1) of a unit with these logits."""
        return logistic(
            self.bias
            + self.rules * clipped(rules)
            + self.sentence * clipped(sentence)
            + self.window * clipped(window)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A hit, or a sentence as one, with what each layer says of its place; all logits."""

    hit: Hit
    rules: float
    sentence: float
    window: float


@cache
def load_combination(folder: Path) -> Combination:
    """Return the weights that belong to the model in ``folder``; `SettingsError` if they do not."""
    path = folder / "combination.json"
    try:
        content = path.read_bytes()
        found = Combination.model_validate_json(content)
    except (OSError, ValidationError) as error:
        raise SettingsError(f"model '{folder}' refused: no weights in combination.json") from error
    digest = hashlib.sha256(content).hexdigest()[:8]
    return found.model_copy(update={"version": f"{found.version}+{digest}"})


def clipped(logit: float) -> float:
    """Return ``logit`` within what training text shows; beyond it, more is not surer."""
    return max(-_LOGIT_RANGE - 1.0, min(_LOGIT_RANGE, logit))


def units(
    hits: Sequence[Hit], rule_scores: Sequence[float], sentences: Sequence[Sentence], nothing: float
) -> list[Unit]:
    """Return a unit for each hit, and for each sentence that adds to them, by position.

    ``rule_scores`` are probabilities of the hits by rules alone, ``nothing`` that of text without
    any. Hits and sentences are sorted by start. Linear, for hits and sentences are short.
    """
    found = [_hit_unit(hit, score, sentences) for hit, score in zip(hits, rule_scores, strict=True)]
    starts = [hit.start for hit in hits]
    for sentence in sentences:
        near = range(
            bisect_left(starts, sentence.start - _LONGEST), bisect_left(starts, sentence.end)
        )
        # What is hidden inside a sentence goes alone, and says nothing about the sentence.
        scores = [
            rule_scores[i] for i in near if hits[i].end > sentence.start and not hits[i].exact
        ]
        # Where a rule hit and the network sees nothing by itself, the hit's unit says it all.
        if sentence.logit >= (sentence.peak - SHADOW if not scores else 0.0):
            found.append(_sentence_unit(sentence, max(scores, default=nothing)))
    return sorted(found, key=lambda unit: (unit.hit.start, unit.hit.end))


def unit_score(unit: Unit, combination: Combination) -> float:
    """Return the probability of ``unit``: the network cannot talk down what rules are sure of."""
    score = combination.probability(unit.rules, unit.sentence, unit.window)
    return max(score, logistic(sure(unit)))


def sure(unit: Unit) -> float:
    """Return the log odds of which rules alone are sure, -60 where they are not.

    In writing about attacks they never are: there the network may see that it is a quotation.
    """
    openly = unit.hit.rule and unit.hit.discount == 1.0
    return unit.rules - DISTRUST if openly else -60.0


def _hit_unit(hit: Hit, score: float, sentences: Sequence[Sentence]) -> Unit:
    low = bisect_left(sentences, hit.start - _LONGEST, key=lambda s: s.start)
    high = bisect_left(sentences, max(hit.end, hit.start + 1), key=lambda s: s.start)
    around = [s for s in sentences[low:high] if s.end > hit.start]
    worst = max(around, key=lambda s: s.logit, default=None)
    if worst is None:
        return Unit(hit=hit, rules=logit(score), sentence=UNREAD, window=UNREAD)
    return Unit(hit=hit, rules=logit(score), sentence=worst.logit, window=worst.window)


def _sentence_unit(sentence: Sentence, score: float) -> Unit:
    hit = Hit(
        detector=_DETECTOR,
        description=_DESCRIPTION,
        group=_DETECTOR,
        severity=Severity.HIGH,
        value=logistic(clipped(sentence.logit)),
        start=sentence.start,
        end=sentence.end,
    )
    return Unit(
        hit=hit,
        rules=logit(score),
        sentence=sentence.logit,
        window=sentence.window,
    )


def logit(probability: float) -> float:
    """Return the log odds of ``probability``, which lies in (0, 1)."""
    bounded = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(bounded / (1.0 - bounded))
