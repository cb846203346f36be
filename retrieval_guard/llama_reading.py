"""Reads whole nodes, with their stored vectors, out of a LlamaIndex vector store.

LlamaIndex's contract leaves open whether `get_nodes` exists, keeps to filters, gives embeddings
back or has a limit of its own; what is known of a store is done here, the caller checks the rest.
"""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeVar

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, MetadataFilters

from ..core.errors import StoreError
from .llama_filters import Condition, ScopedFilters
from .llama_nodes import is_own
from .llama_traits import StoreTraits

# QdrantVectorStore.get_nodes stops at 9,999 unless told otherwise.
_ALL = 2**31 - 1
_BATCH = 1_000

T = TypeVar("T")


class NodeReader:
    """Reads one tenant's nodes from a store.

    Methods return pairs: the nodes that name the tenant, and the ids of those that do not.
    """

    def __init__(
        self,
        inner: BasePydanticVectorStore,
        tenant: str,
        traits: StoreTraits,
        readable: Condition | None = None,
    ) -> None:
        self._inner = inner
        self._tenant = tenant
        self._traits = traits
        self._only = ScopedFilters(tenant, traits, readable)
        self._read = _reading(inner)
        self._made = False

    @property
    def can_read(self) -> bool:
        """Whether the store offers `get_nodes` at all."""
        return implements(self._inner, "get_nodes")

    def holds_anything(self) -> bool:
        """Say whether there is a collection to ask: Qdrant's is made by the first node added."""
        if self._inner.class_name() != "QdrantVectorStore":
            return True
        self._made = self._made or bool(self._inner.client.collection_exists(_name(self._inner)))
        return self._made

    def held(self, ids: Sequence[str]) -> tuple[list[BaseNode], list[str]]:
        """Return what stands under the ids, whosever it is."""
        return self._parted(self._by_ids(ids, None), ids)

    def by_ids(self, ids: Sequence[str]) -> tuple[list[BaseNode], list[str]]:
        """Return the tenant's nodes among the ids."""
        return self._parted(self._by_ids(ids, self._only()), ids)

    def matching(self, filters: MetadataFilters) -> tuple[list[BaseNode], list[str]]:
        """Return the nodes that compiled filters match."""
        return self._parted(self._called(None, filters), None)

    def ignores_filters(self, ids: Sequence[str]) -> bool:
        """Say whether the store gives these ids out under a filter that nothing can match."""
        nobody = ScopedFilters(secrets.token_hex(16), self._traits)
        return bool(self._by_ids(ids, nobody()))

    def _by_ids(self, ids: Sequence[str], filters: MetadataFilters | None) -> list[BaseNode]:
        return list(chain.from_iterable(self._called(some, filters) for some in batches(ids)))

    def _called(self, ids: list[str] | None, filters: MetadataFilters | None) -> list[BaseNode]:
        if not self.can_read:
            raise StoreError(
                f"{self._inner.class_name()} offers no get_nodes, so what it holds cannot be "
                "checked: use a store that does"
            )
        return self._read(ids, filters) if self.holds_anything() else []

    def _parted(
        self, nodes: Sequence[BaseNode], ids: Sequence[str] | None
    ) -> tuple[list[BaseNode], list[str]]:
        wanted = None if ids is None else set(ids)
        own = [node for node in nodes if is_own(node, self._tenant)]
        foreign = sorted({node.node_id for node in nodes} - {node.node_id for node in own})
        return [node for node in own if wanted is None or node.node_id in wanted], foreign


def _name(inner: BasePydanticVectorStore) -> str:
    return str(inner.model_dump(include={"collection_name"})["collection_name"])


def batches(items: Sequence[T]) -> list[list[T]]:
    """Return the items in lists that every store takes in one call."""
    return [list(items[at : at + _BATCH]) for at in range(0, len(items), _BATCH)]


def implements(store: BasePydanticVectorStore, method: str) -> bool:
    """Say whether a store's class overrides a method that LlamaIndex leaves optional."""
    return getattr(type(store), method) is not getattr(BasePydanticVectorStore, method)


def takes(method: Callable[..., object], parameter: str) -> bool:
    """Say whether a method has the parameter, or takes any keyword."""
    parameters = inspect.signature(method).parameters
    return parameter in parameters or any(
        given.kind is inspect.Parameter.VAR_KEYWORD for given in parameters.values()
    )


def _reading(
    inner: BasePydanticVectorStore,
) -> Callable[[list[str] | None, MetadataFilters | None], list[BaseNode]]:
    if inner.class_name() == "ChromaVectorStore":
        from .llama_chroma import ChromaReading

        return ChromaReading(inner)

    def read(ids: list[str] | None, filters: MetadataFilters | None) -> list[BaseNode]:
        more: dict[str, Any] = {}
        if inner.class_name() == "QdrantVectorStore":
            more["limit"] = _ALL if ids is None else None
        if filters is not None and takes(inner.get_nodes, "filters"):
            more["filters"] = filters
        nodes = inner.get_nodes(ids, **more)
        for node in nodes:
            if node.embedding is not None:
                node.embedding = [float(value) for value in node.embedding]
        return nodes

    return read
