"""LlamaIndex's own Qdrant store works through the guarded client, for one tenant."""

import asyncio

import pytest
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.core.errors import IsolationError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient, operator_context

NODE = "6a7f0c3e-0000-4000-8000-000000000001"


def llama_store(client: QdrantClient, tenant: str) -> QdrantVectorStore:
    """Return LlamaIndex's store over the tenant's guarded client."""
    context = operator_context(tenant=tenant, principal="app")
    guarded = GuardedQdrantClient(client, context, MemoryEventSink())
    return QdrantVectorStore(collection_name="docs", client=guarded)


def test_llama_index_store_sees_one_tenant() -> None:
    """Two tenants write nodes of one id; each finds, reads and deletes its own."""
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("docs", vectors_config=size)
    acme, globex = (llama_store(client, tenant) for tenant in ("acme", "globex"))
    for store, text in ((acme, "of acme"), (globex, "of globex")):
        store.add([TextNode(id_=NODE, text=text, embedding=[1.0, 0.0])])
    query = VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=5)
    assert [node.get_content() for node in acme.query(query).nodes or []] == ["of acme"]
    assert [node.get_content() for node in globex.get_nodes([NODE])] == ["of globex"]
    acme.delete_nodes([NODE])
    assert acme.get_nodes([NODE]) == []
    assert [node.get_content() for node in globex.get_nodes([NODE])] == ["of globex"]
    with pytest.raises(IsolationError, match="delete_collection"):
        globex.clear()


async def _ask_async(client: AsyncQdrantClient) -> list[list[str]]:
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    await client.create_collection("docs", vectors_config=size)
    stores = []
    for tenant in ("acme", "globex"):
        context = operator_context(tenant=tenant, principal="app")
        guarded = AsyncGuardedQdrantClient(client, context, MemoryEventSink())
        store = QdrantVectorStore(collection_name="docs", aclient=guarded)
        await store.async_add([TextNode(id_=NODE, text=f"of {tenant}", embedding=[1.0, 0.0])])
        stores.append(store)
    query = VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=5)
    found = (await stores[0].aquery(query)).nodes or []
    await stores[0].adelete_nodes([NODE])
    left = [await store.aget_nodes([NODE]) for store in stores]
    return [[node.get_content() for node in nodes] for nodes in (found, *left)]


def test_llama_index_store_awaits_one_tenant() -> None:
    """The async store sees, reads and deletes one tenant's nodes as well."""
    assert asyncio.run(_ask_async(AsyncQdrantClient(":memory:"))) == [
        ["of acme"],
        [],
        ["of globex"],
    ]
