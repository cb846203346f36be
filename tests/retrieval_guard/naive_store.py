"""A wrapper as it is often written: the tenant's filter is added to `query`, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from ragbastion import TenantContext
from ragbastion.retrieval_guard.llama_nodes import TENANT


class NaiveVectorStore(BasePydanticVectorStore):
    """Filters `query` alone, beside the caller's filters and under their condition."""

    stores_text: bool = True
    _inner: BasePydanticVectorStore = PrivateAttr()
    _tenant: str = PrivateAttr()

    def __init__(self, inner: BasePydanticVectorStore, context: TenantContext) -> None:
        super().__init__()
        self._inner = inner
        self._tenant = context.tenant

    @property
    def client(self) -> Any:
        """Give the inner client out."""
        return self._inner.client

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Pass on."""
        return self._inner.add(list(nodes), **kwargs)

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Pass on."""
        self._inner.delete(ref_doc_id, **delete_kwargs)

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Pass on."""
        self._inner.delete_nodes(node_ids, filters, **delete_kwargs)

    def clear(self) -> None:
        """Pass on."""
        self._inner.clear()

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Pass on."""
        return self._inner.get_nodes(node_ids, filters)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Add the tenant to the caller's filters."""
        own = MetadataFilter(key=TENANT, value=self._tenant)
        given = query.filters or MetadataFilters(filters=[])
        both = MetadataFilters(filters=[own, *given.filters], condition=given.condition)
        return self._inner.query(replace(query, filters=both), **kwargs)
