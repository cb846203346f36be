"""Access rules as conditions of a Qdrant filter."""

from __future__ import annotations

from ..core.errors import MissingExtraError
from .access_rules import AllOf, AnyOf, AtMost, Empty, HasOne, Rule

try:
    from qdrant_client import models
except ImportError as missing:
    raise MissingExtraError(
        "access filters of Qdrant need qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing


def conditions_of(rule: Rule) -> list[models.Condition]:
    """Return the conditions of the rule; all of them must hold.

    Alternatives are one nested filter, so conditions of a caller beside them widen nothing.
    """
    if isinstance(rule, AllOf):
        return [condition for each in rule.rules for condition in conditions_of(each)]
    return [_condition(rule)]


def _condition(rule: Rule) -> models.Condition:
    match rule:
        case HasOne(key, texts):
            return models.FieldCondition(key=key, match=_match(sorted(texts)))
        case AtMost(key, limit):
            within = models.FieldCondition(key=key, range=models.Range(gte=0, lte=limit))
            above = models.FieldCondition(key=key, range=models.Range(gt=limit))
            return models.Filter(must=[within], must_not=[above])
        case Empty(key):
            return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
        case AnyOf(rules):
            return models.Filter(should=[_condition(each) for each in rules])
        case AllOf():
            return models.Filter(must=conditions_of(rule))


def _match(texts: list[str]) -> models.Match:
    return models.MatchValue(value=texts[0]) if len(texts) == 1 else models.MatchAny(any=texts)
