"""Chroma's adapter: `get_nodes` of LlamaIndex leaves the vectors out, the collection does not."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, MetadataFilters
from llama_index.core.vector_stores.utils import metadata_dict_to_node
from llama_index.vector_stores.chroma.base import (  # pyright: ignore[reportMissingImports]
    _to_chroma_filter,
)

from ..core.errors import StoreError


class ChromaReading:
    """Reads nodes with their embeddings, by ids, by filters, or by both."""

    def __init__(self, inner: BasePydanticVectorStore) -> None:
        self._collection: Any = inner.client

    def __call__(self, ids: list[str] | None, filters: MetadataFilters | None) -> list[BaseNode]:
        """Return the nodes; raise `StoreError` for a row that LlamaIndex did not write."""
        found = self._collection.get(
            ids=ids,
            where=None if filters is None else _to_chroma_filter(filters),
            include=["embeddings", "documents", "metadatas"],
        )
        rows = zip(found["metadatas"], found["documents"], found["embeddings"], strict=True)
        return [_node(metadata, text, vector) for metadata, text, vector in rows]


def _node(metadata: dict[str, Any] | None, text: str | None, vector: Any) -> BaseNode:
    try:
        node = metadata_dict_to_node(metadata or {}, text=text)
    except ValueError as error:
        raise StoreError("the Chroma collection holds a row that is not a node") from error
    node.embedding = [float(value) for value in vector]
    return node
