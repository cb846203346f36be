"""Document-level access as LlamaIndex filters, for vector stores that are not Qdrant.

- INVARIANT: every alternative is a nested `MetadataFilters`. A store that takes no nested filters
  raises, and one that flattens them is caught by the re-check: whoever queries with these filters
  passes what comes back through `DocumentAccess.admits`.
"""

from __future__ import annotations

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from ..tenancy.access import DocumentAccess
from ..tenancy.access_labels import GROUPS, USERS
from ..tenancy.access_rules import AllOf, AnyOf, AtMost, Empty, HasOne, Rule
from ..tenancy.context import TenantContext

_LISTS = frozenset({USERS, GROUPS})


def access_filters(
    access: DocumentAccess,
    context: TenantContext,
    *,
    list_operator: FilterOperator = FilterOperator.ANY,
) -> MetadataFilters:
    """Return what the context may read as filters, to be ANDed with the tenant's.

    ``list_operator`` is how the store spells "the list holds one of these": ``ANY`` by LlamaIndex's
    definition, ``IN`` for its Qdrant integration.
    """
    return _group(access.rule(context), list_operator)


def _group(rule: Rule, lists: FilterOperator) -> MetadataFilters:
    if isinstance(rule, AnyOf):
        return _joined(rule.rules, FilterCondition.OR, lists)
    rules = rule.rules if isinstance(rule, AllOf) else (rule,)
    return _joined(rules, FilterCondition.AND, lists)


def _joined(
    rules: tuple[Rule, ...], condition: FilterCondition, lists: FilterOperator
) -> MetadataFilters:
    return MetadataFilters(filters=[_filter(each, lists) for each in rules], condition=condition)


def _filter(rule: Rule, lists: FilterOperator) -> MetadataFilter | MetadataFilters:
    match rule:
        case HasOne(key, texts):
            operator = lists if key in _LISTS else FilterOperator.IN
            return MetadataFilter(key=key, value=sorted(texts), operator=operator)
        case AtMost(key, limit):
            return MetadataFilters(
                filters=[
                    MetadataFilter(key=key, value=0, operator=FilterOperator.GTE),
                    MetadataFilter(key=key, value=limit, operator=FilterOperator.LTE),
                ],
                condition=FilterCondition.AND,
            )
        case Empty(key):
            return MetadataFilter(key=key, value=None, operator=FilterOperator.IS_EMPTY)
        case AnyOf() | AllOf():
            return _group(rule, lists)
