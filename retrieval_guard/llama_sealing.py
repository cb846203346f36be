"""Node texts sealed on their way into a LlamaIndex vector store, and opened on their way out.

- INVARIANT: the inner store is given no text of a sealed field; the nodes of the caller stay open.
- INVARIANT: a node opens only under the tenant and the id that it was sealed for.

``text`` among the cipher's fields is a node's content, every other one a key of its metadata. What
a node's vector, relationships and reserved metadata (digest, proof) tell stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from ..core.errors import SealError, UsageError
from ..tenancy.encryption.payload_cipher import PayloadCipher

_TEXT = "text"
_BY_WORDS = frozenset(
    {
        VectorStoreQueryMode.SPARSE,
        VectorStoreQueryMode.HYBRID,
        VectorStoreQueryMode.TEXT_SEARCH,
        VectorStoreQueryMode.SEMANTIC_HYBRID,
    }
)


class NodeSealing:
    """Seals and opens the nodes of one tenant; without a cipher it leaves them as they are."""

    def __init__(self, cipher: PayloadCipher | None, tenant: str) -> None:
        self._cipher = cipher
        self._tenant = tenant

    def sealed(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Return copies with sealed values in place of the texts."""
        if self._cipher is None:
            return list(nodes)
        points = [(node.node_id, _payload(node)) for node in nodes]
        payloads = self._cipher.sealed_payloads(self._tenant, points)
        return [_with(node, payload) for node, payload in zip(nodes, payloads, strict=True)]

    def opened(self, nodes: Sequence[BaseNode]) -> list[BaseNode | SealError]:
        """Return copies with texts in place of sealed values, and why a node does not open.

        Raises `TenantKeyError` and `ErasedTenantError`, since those are of all nodes.
        """
        if self._cipher is None:
            return list(nodes)
        try:
            return list(self._opened(nodes, self._cipher))
        except SealError:
            return [self._one_opened(node, self._cipher) for node in nodes]

    def refuse_keys(self, keys: Iterable[str]) -> None:
        """Raise `UsageError` if a filter (untrusted) compares a sealed value."""
        if self._cipher is not None:
            self._cipher.refuse_keys(list(keys), "filter")

    def refuse_words(self, query: VectorStoreQuery) -> None:
        """Raise `UsageError` for a query that compares the words of sealed texts."""
        if self._cipher is not None and query.mode in _BY_WORDS:
            raise UsageError(
                f"query mode '{query.mode.value}' refused: the texts are sealed, so the store "
                "cannot compare their words; ask by vector"
            )

    def _one_opened(self, node: BaseNode, cipher: PayloadCipher) -> BaseNode | SealError:
        try:
            return self._opened([node], cipher)[0]
        except SealError as error:
            return error

    def _opened(self, nodes: Sequence[BaseNode], cipher: PayloadCipher) -> list[BaseNode]:
        points = [(node.node_id, _payload(node)) for node in nodes]
        payloads = cipher.opened_payloads(self._tenant, points)
        return [_with(node, payload) for node, payload in zip(nodes, payloads, strict=True)]


def _payload(node: BaseNode) -> dict[str, Any]:
    return {**node.metadata, _TEXT: node.get_content(metadata_mode=MetadataMode.NONE)}


def _with(node: BaseNode, payload: dict[str, Any]) -> BaseNode:
    """Return a copy of the node with these values; its own are left alone."""
    content = payload[_TEXT]
    if not isinstance(content, str):
        raise SealError(f"node {node.node_id} does not open: its content was not sealed as a text")
    kept = {key: payload[key] for key in node.metadata if key != _TEXT}
    own = {_TEXT: node.metadata[_TEXT]} if _TEXT in node.metadata else {}
    copy = node.model_copy(update={"metadata": {**kept, **own}})
    copy.set_content(content)
    return copy
