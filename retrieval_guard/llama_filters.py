"""Metadata filters of a tenant: its own condition AND whatever a caller asks for.

- INVARIANT: the top group is AND and holds the tenant's scope, so no OR, NOT or nesting below it
  can widen what is matched.
- A caller's filter means the same on every store: a node without the key matches only ``!=`` and
  ``nin``, and NOT matches what none of its filters match, as in LlamaIndex's own reference. What a
  store cannot express so is refused, never weakened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from ..core.errors import IsolationError, UsageError
from ..tenancy.access_labels import names_label
from .llama_nodes import ID, SCOPE, TENANT, scope_of
from .llama_traits import StoreTraits, checked_number

_MAX_DEPTH = 32
_GUARDED = frozenset({TENANT, SCOPE, ID})
_LISTED = frozenset({FilterOperator.IN, FilterOperator.NIN, FilterOperator.ANY, FilterOperator.ALL})
_OPPOSITE = {
    FilterOperator.EQ: FilterOperator.NE,
    FilterOperator.NE: FilterOperator.EQ,
    FilterOperator.IN: FilterOperator.NIN,
    FilterOperator.NIN: FilterOperator.IN,
    FilterOperator.GT: FilterOperator.LTE,
    FilterOperator.LTE: FilterOperator.GT,
    FilterOperator.LT: FilterOperator.GTE,
    FilterOperator.GTE: FilterOperator.LT,
}

Condition = MetadataFilter | MetadataFilters


class ScopedFilters:
    """Makes the filters of one tenant for one kind of store.

    ``readable`` is a condition of the guard's own, written for this store, that stands in each of
    them; ``refuse_keys`` raises for keys that a caller's filter may not name.
    """

    def __init__(
        self,
        tenant: str,
        traits: StoreTraits,
        readable: Condition | None = None,
        refuse_keys: Callable[[list[str]], None] | None = None,
    ) -> None:
        self._own = equals(SCOPE, scope_of(tenant))
        self._traits = traits
        self._readable = [] if readable is None else [readable]
        self._refuse_keys = refuse_keys

    def __call__(
        self, user: MetadataFilters | None = None, *own: MetadataFilter
    ) -> MetadataFilters:
        """Return the tenant's scope AND the guard's conditions AND ``user`` (untrusted).

        Raises `IsolationError` for a filter that names the guard's keys, `UsageError` for one that
        this store cannot express.
        """
        parts = [self._leaf(condition, negated=False) for condition in (self._own, *own)]
        parts.extend(self._readable)
        if user is not None:
            compiled = self._group(user, negated=False, depth=0)
            parts.extend([compiled] if compiled is not None else [])
        if not self._traits.nested:
            parts = _flattened(parts)
        return _joined(parts, FilterCondition.AND)

    def _group(self, group: MetadataFilters, *, negated: bool, depth: int) -> Condition | None:
        """Return a group with negations pushed down to its leaves, None for an empty one."""
        if depth > _MAX_DEPTH:
            raise UsageError(f"filter refused: nested deeper than {_MAX_DEPTH}")
        condition = group.condition or FilterCondition.AND
        inverted = negated != (condition is FilterCondition.NOT)
        members = [
            self._group(member, negated=inverted, depth=depth + 1)
            if isinstance(member, MetadataFilters)
            else self._callers_leaf(member, negated=inverted)
            for member in group.filters
        ]
        held = [member for member in members if member is not None]
        if not held:
            return None
        # De Morgan; NOT is "none of these": all of them, each negated.
        none_of = condition is FilterCondition.NOT
        conjunction = inverted if none_of else (condition is FilterCondition.AND) != inverted
        return _joined(held, FilterCondition.AND if conjunction else FilterCondition.OR)

    def _callers_leaf(self, leaf: MetadataFilter, *, negated: bool) -> Condition:
        if leaf.key.strip().strip('"') in _GUARDED or names_label(leaf.key):
            raise IsolationError(
                "filter refused: it names a key that the guard sets itself; leave it out"
            )
        if self._refuse_keys is not None:
            self._refuse_keys([leaf.key])
        return self._leaf(leaf, negated=negated)

    def _leaf(self, leaf: MetadataFilter, *, negated: bool) -> Condition:
        checked = MetadataFilter(
            key=self._traits.quote_key(leaf.key),
            value=self._value(leaf),  # type: ignore[arg-type]  # as the operator needs it
            operator=leaf.operator,
        )
        if self._traits.negation:
            return _by_negation(checked, negated=negated)
        return self._pushed(checked, negated=negated)

    def _value(self, leaf: MetadataFilter) -> object:
        value = leaf.value
        if leaf.operator is FilterOperator.IS_EMPTY:
            return None
        if value is None or isinstance(value, list) != (leaf.operator in _LISTED) or value == []:
            raise UsageError(
                f"filter refused: operator '{leaf.operator.value}' needs "
                + ("a list that is not empty" if leaf.operator in _LISTED else "one value")
            )
        if isinstance(value, list):
            return [self._scalar(member) for member in value]
        return self._scalar(value)

    def _scalar(self, value: str | float) -> str | float:
        return self._traits.quote(value) if isinstance(value, str) else checked_number(value)

    def _pushed(self, leaf: MetadataFilter, *, negated: bool) -> Condition:
        """Return a leaf, negated if asked, for a store that has no NOT group."""
        if negated and leaf.operator not in _OPPOSITE:
            raise self._inexpressible(leaf.operator)
        operator = _OPPOSITE[leaf.operator] if negated else leaf.operator
        turned = self._membership(leaf.key, leaf.value, operator)
        if not self._leaves_out_missing(operator, negated=negated):
            return turned
        if self._traits.missing_operator:
            return _joined([turned, missing(leaf.key)], FilterCondition.OR)
        if negated:
            raise self._inexpressible(leaf.operator)
        return turned  # Nothing is known of this store: its own != decides.

    def _leaves_out_missing(self, operator: FilterOperator, *, negated: bool) -> bool:
        """Say whether a node without the key should match, and would not."""
        if operator in (FilterOperator.NE, FilterOperator.NIN):
            return not self._traits.unequal_takes_missing
        return negated and operator not in (FilterOperator.EQ, FilterOperator.IN)

    def _membership(self, key: str, value: object, operator: FilterOperator) -> MetadataFilter:
        if self._traits.membership_only and operator in (FilterOperator.EQ, FilterOperator.NE):
            listed = FilterOperator.IN if operator is FilterOperator.EQ else FilterOperator.NIN
            return MetadataFilter(key=key, value=_listed(value), operator=listed)
        return MetadataFilter(key=key, value=value, operator=operator)  # type: ignore[arg-type]  # checked in _value

    def _inexpressible(self, operator: FilterOperator) -> UsageError:
        return UsageError(
            f"filter refused: this store cannot negate '{operator.value}'; ask for what is wanted "
            "instead, or use a store that takes NOT"
        )


def equals(key: str, value: str) -> MetadataFilter:
    """Return the condition that a key has the value."""
    return MetadataFilter(key=key, value=value, operator=FilterOperator.EQ)


def one_of(key: str, values: Sequence[str]) -> MetadataFilter:
    """Return the condition that a key has one of the values."""
    return MetadataFilter(key=key, value=list(values), operator=FilterOperator.IN)


def missing(key: str) -> MetadataFilter:
    """Return the condition that a node lacks the key."""
    return MetadataFilter(key=key, value=None, operator=FilterOperator.IS_EMPTY)


def _by_negation(leaf: MetadataFilter, *, negated: bool) -> Condition:
    """Return a leaf for a store with NOT groups, where != and nin become NOT of == and in."""
    if leaf.operator in (FilterOperator.NE, FilterOperator.NIN):
        negated = not negated
        leaf = MetadataFilter(key=leaf.key, value=leaf.value, operator=_OPPOSITE[leaf.operator])
    return MetadataFilters(filters=[leaf], condition=FilterCondition.NOT) if negated else leaf


def _listed(value: object) -> list[str]:
    return [value if isinstance(value, str) else repr(value)]


def _joined(parts: Sequence[Condition], condition: FilterCondition) -> MetadataFilters:
    return MetadataFilters(filters=list(parts), condition=condition)


def _flattened(parts: Sequence[Condition]) -> list[Condition]:
    """Return the parts as leaves of one AND, or raise `UsageError` where that changes them."""
    flat: list[Condition] = []
    for part in parts:
        if isinstance(part, MetadataFilter):
            flat.append(part)
        elif part.condition is FilterCondition.AND or len(part.filters) == 1:
            flat.extend(_flattened(part.filters))
        else:
            raise UsageError(
                "filter refused: this store is not known to take OR beside the tenant's own "
                "filter; use AND alone, or declare StoreTraits(nested=True) if its code does"
            )
    return flat
