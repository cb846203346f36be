"""Access rules as filters of Qdrant Edge, and the payload indexes that make them quick.

Without an index the engine reads the payload of each point: a hundred times as slow at 4,000
points. What is left of the cost is measured by benchmarks/access.py.
"""

from __future__ import annotations

from typing import Any

from ..core.errors import MissingExtraError
from .access_labels import CLASSIFICATION, DELETED_AT, DEPARTMENT, GROUPS, OWNER, USERS
from .access_rules import AllOf, AnyOf, AtMost, Empty, HasOne, Rule

try:
    import qdrant_edge as edge
except ImportError as missing:
    raise MissingExtraError(
        "the embedded store needs qdrant-edge-py: pip install 'ragbastion[qdrant]'"
    ) from missing

SOURCE = "source"
"""Retrieval asks for some sources only where others' passages hide theirs."""

ACCESS_INDEXES = {
    **dict.fromkeys((OWNER, USERS, GROUPS, DEPARTMENT, SOURCE), edge.PayloadSchemaType.Keyword),
    **dict.fromkeys((CLASSIFICATION, DELETED_AT), edge.PayloadSchemaType.Float),
}
"""Which index each payload key gets that a rule asks for."""


def filter_of(rule: Rule) -> edge.Filter:
    """Return the filter that matches exactly what `access_rules.holds` admits."""
    return edge.Filter(must=[_condition(rule)])


def _condition(rule: Rule) -> Any:
    match rule:
        case HasOne(key, texts):
            return edge.FieldCondition(key, match=edge.MatchAny(sorted(texts)))
        case AtMost(key, limit):
            within = edge.FieldCondition(key, range=edge.RangeFloat(gte=0.0, lte=float(limit)))
            above = edge.FieldCondition(key, range=edge.RangeFloat(gt=float(limit)))
            return edge.Filter(must=[within], must_not=[above])
        case Empty(key):
            return edge.IsEmptyCondition(key)
        case AnyOf(rules):
            return edge.Filter(should=[_condition(each) for each in rules])
        case AllOf(rules):
            return edge.Filter(must=[_condition(each) for each in rules])
