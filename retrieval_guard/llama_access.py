"""Document-level access on LlamaIndex vector stores: filters, labels of nodes, and the re-check.

- INVARIANT: every alternative is a nested `MetadataFilters`. A store that takes no nested filters
  raises, and one that flattens them is caught by the re-check: whoever queries with these filters
  passes what comes back through `DocumentAccess.admits`.
- INVARIANT: what a store cannot express is left out where that widens the filter, never where it
  narrows it wrongly: the re-check decides, and more is fetched in place of what it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from ..core.errors import UsageError
from ..tenancy.access import DocumentAccess
from ..tenancy.access_labels import ACCESS_PREFIX, GROUPS, USERS
from ..tenancy.access_rules import AllOf, AnyOf, AtMost, Empty, HasOne, Rule
from ..tenancy.context import TenantContext
from .llama_labels import NodeLabels
from .llama_traits import StoreTraits, bound

_LISTS = frozenset({USERS, GROUPS})

Condition = MetadataFilter | MetadataFilters


class NodeAccess:
    """Holds the nodes of one context to their labels; without `DocumentAccess` it refuses labels.

    A node's label stands in its metadata, under the keys of `AccessLabel.as_payload`. It is not
    signed, since it may change: what counts is the one in ``labels``, where that has one.
    """

    def __init__(
        self,
        access: DocumentAccess | None,
        context: TenantContext,
        traits: StoreTraits,
        labels: NodeLabels | None = None,
    ) -> None:
        self._access = access
        self._context = context
        self._labels = labels
        self._lists = traits.list_operator is not None
        self.condition = None if access is None else narrowing(access.rule(context), traits)
        """What of the rule the store can express, None for nothing."""

    @property
    def given(self) -> bool:
        """Whether nodes are held to labels at all."""
        return self._access is not None

    def admitted(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Return the nodes that the context may read."""
        access = self._access
        if access is None:
            return list(nodes)
        if self._labels is not None:
            self._labels.refresh()
        return [node for node in nodes if self._admits(access, node)]

    def _admits(self, access: DocumentAccess, node: BaseNode) -> bool:
        """Whether a node may be read by its label, and by the one that it is being given."""
        label = None if self._labels is None else self._labels.unfinished(node.node_id)
        given = label is None or access.admits(self._context, label)
        return given and access.admits(self._context, self._label(node))

    def problem(self, node: BaseNode) -> str:
        """Return why a verified node's label does not hold, or ""."""
        if self._access is None or self._labels is None:
            return ""
        return self._labels.problem(node.node_id, self._label(node))

    def changeable(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Return the nodes that the context may delete or write over."""
        access = self._access
        if access is None:
            return list(nodes)
        return [node for node in nodes if access.may_change(self._context, self._kept(node))]

    def labelled(self, nodes: Sequence[BaseNode], stored: Mapping[str, BaseNode]) -> list[BaseNode]:
        """Return copies of nodes with the labels to be written; ``stored`` is what they replace.

        Raises `AccessError` for a label or a node that the context may not write, `UsageError` for
        a label where there is no `DocumentAccess`, or a malformed one.
        """
        return [self._labelled(node, stored.get(node.node_id)) for node in nodes]

    def noted(self, written: Sequence[BaseNode], stored: Mapping[str, BaseNode]) -> None:
        """Have the ledger keep the labels of nodes that are about to be written."""
        if self._access is not None and self._labels is not None:
            carried = {node_id: self._label(node) for node_id, node in stored.items()}
            self._labels.change(self._given(written), carried)

    def settled(self, written: Sequence[BaseNode]) -> None:
        """Tell the ledger that the nodes were written."""
        if self._access is not None and self._labels is not None:
            self._labels.settle(self._given(written))

    def _given(self, nodes: Sequence[BaseNode]) -> list[tuple[str, dict[str, Any]]]:
        return [(node.node_id, self._label(node)) for node in nodes]

    def _labelled(self, node: BaseNode, stored: BaseNode | None) -> BaseNode:
        label = _label_keys(node.metadata)
        if self._access is None:
            if label:
                raise UsageError(
                    f"node {node.node_id} refused: it has an access label; give the store "
                    "access=DocumentAccess(...)"
                )
            return node
        kept = self._access.labelled(
            self._context,
            label,
            stored=None if stored is None else self._kept(stored),
            document=node.node_id,
        )
        open_keys = {key: node.metadata[key] for key in node.metadata.keys() - label.keys()}
        return node.model_copy(update={"metadata": {**open_keys, **self._written(kept)}})

    def _kept(self, node: BaseNode) -> Mapping[str, Any]:
        """Return the label that a stored node has: the ledger's, or else the one it carries."""
        known = None if self._labels is None else self._labels.known(node.node_id)
        return self._label(node) if known is None else known

    def _label(self, node: BaseNode) -> dict[str, Any]:
        """Return the label keys of a stored node (untrusted)."""
        label = _label_keys(node.metadata)
        if self._lists:
            return label
        return {key: _decoded(value) if key in _LISTS else value for key, value in label.items()}

    def _written(self, label: Mapping[str, Any]) -> dict[str, Any]:
        if self._lists:
            return dict(label)
        return {key: json.dumps(value) if key in _LISTS else value for key, value in label.items()}


def hide_label(node: BaseNode) -> None:
    """Take the label from a node that a reader gets."""
    for key in _label_keys(node.metadata):
        del node.metadata[key]


def access_filters(
    access: DocumentAccess,
    context: TenantContext,
    *,
    list_operator: FilterOperator = FilterOperator.ANY,
) -> MetadataFilters:
    """Return what the context may read as filters, to be ANDed with the tenant's.

    ``list_operator`` is how the store spells "the list holds one of these": ``ANY`` by LlamaIndex's
    definition, ``IN`` for its Qdrant integration. The store must bind values and take nested
    filters and ``IS_EMPTY``.
    """
    traits = StoreTraits(
        nested=True,
        missing_operator=True,
        list_operator=list_operator,
        quote=bound,
        quote_key=bound,
    )
    made = narrowing(access.rule(context), traits)
    if isinstance(made, MetadataFilters):
        return made
    return _joined([] if made is None else [made], FilterCondition.AND)


def narrowing(rule: Rule, traits: StoreTraits) -> Condition | None:
    """Return a condition that holds wherever the rule does, as near to it as the store can.

    None where the store can express nothing of it.
    """
    if not traits.nested:
        return None
    match rule:
        case HasOne(key, texts):
            return _has_one(key, sorted(texts), traits)
        case AtMost(key, limit):
            within = [(FilterOperator.GTE, 0), (FilterOperator.LTE, limit)]
            leaves = [MetadataFilter(key=key, value=at, operator=how) for how, at in within]
            return _joined(leaves, FilterCondition.AND)
        case Empty(key):
            if not traits.missing_operator:
                return None
            return MetadataFilter(key=key, value=None, operator=FilterOperator.IS_EMPTY)
        case AnyOf(rules):
            parts = [narrowing(each, traits) for each in rules]
            known = [part for part in parts if part is not None]
            return _joined(known, FilterCondition.OR) if len(known) == len(parts) else None
        case AllOf(rules):
            parts = [narrowing(each, traits) for each in rules]
            known = [part for part in parts if part is not None]
            return _joined(known, FilterCondition.AND) if known else None


def _has_one(key: str, texts: Sequence[str], traits: StoreTraits) -> MetadataFilter | None:
    operator = traits.list_operator if key in _LISTS else FilterOperator.IN
    if operator is None:
        return None
    try:
        values = [traits.quote(text) for text in texts]
    except UsageError:
        # A name that this store cannot be asked for; the re-check compares it.
        return None
    return MetadataFilter(key=key, value=values, operator=operator)


def _joined(parts: Sequence[Condition], condition: FilterCondition) -> MetadataFilters:
    return MetadataFilters(filters=list(parts), condition=condition)


def _label_keys(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key.startswith(ACCESS_PREFIX)}


def _decoded(value: object) -> object:
    """Return a list that was written as text; anything else as it is, for the rule to refuse."""
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return None
    return decoded if isinstance(decoded, list) else None
