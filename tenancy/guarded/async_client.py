"""The guarded client for `AsyncQdrantClient`: the same confined methods, awaited.

>>> import asyncio
>>> from ragbastion.tenancy import operator_context
>>> from qdrant_client import AsyncQdrantClient, models
>>> async def held() -> int:
...     client = AsyncQdrantClient(":memory:")
...     size = models.VectorParams(size=2, distance=models.Distance.COSINE)
...     await client.create_collection("docs", vectors_config=size)
...     guarded = AsyncGuardedQdrantClient(client, operator_context(tenant="acme", principal="app"))
...     await guarded.upsert("docs", [models.PointStruct(id=1, vector=[1.0, 0.0])])
...     return (await guarded.count("docs")).count
>>> asyncio.run(held())
1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ...core.errors import MissingExtraError

try:
    from qdrant_client import AsyncQdrantClient

    from . import (
        batch,
        collections,
        deletion,
        facets,
        matrix,
        payloads,
        querying,
        reading,
        uploading,
        vectors,
        writing,
    )
    from .admin import AdminMethod
    from .base import GuardedClient
    from .driving import awaited, blocking
except ImportError as missing:
    raise MissingExtraError(
        "the guarded client needs qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing


P = ParamSpec("P")
R = TypeVar("R")


def _admin(method_of: Callable[[AsyncQdrantClient], Callable[P, R]]) -> AdminMethod[P, R]:
    return AdminMethod(AsyncQdrantClient, method_of)


class AsyncGuardedQdrantClient(GuardedClient[AsyncQdrantClient]):
    """Wraps a client for one context; same signatures and return types as ``AsyncQdrantClient``.

    What it is made of, and what it raises: `GuardedClient`.
    """

    _client_class = AsyncQdrantClient

    retrieve = awaited(reading.retrieve)
    scroll = awaited(reading.scroll)
    count = awaited(reading.count)
    query_points = awaited(querying.query_points)
    query_batch_points = awaited(querying.query_batch_points)
    query_points_groups = awaited(querying.query_points_groups)
    facet = awaited(facets.facet)
    search_matrix_pairs = awaited(matrix.search_matrix_pairs)
    search_matrix_offsets = awaited(matrix.search_matrix_offsets)
    upsert = awaited(writing.upsert)
    delete = awaited(writing.delete)
    upload_points = blocking(uploading.upload_points)
    upload_collection = blocking(uploading.upload_collection)
    set_payload = awaited(payloads.set_payload)
    overwrite_payload = awaited(payloads.overwrite_payload)
    delete_payload = awaited(payloads.delete_payload)
    clear_payload = awaited(payloads.clear_payload)
    update_vectors = awaited(vectors.update_vectors)
    delete_vectors = awaited(vectors.delete_vectors)
    batch_update_points = awaited(batch.batch_update_points)
    collection_exists = awaited(collections.collection_exists)
    get_collection = awaited(collections.get_collection)

    soft_delete = awaited(deletion.soft_delete)
    restore_deleted = awaited(deletion.restore_deleted)

    get_collections = _admin(lambda client: client.get_collections)
    get_aliases = _admin(lambda client: client.get_aliases)
    get_collection_aliases = _admin(lambda client: client.get_collection_aliases)
    update_collection_aliases = _admin(lambda client: client.update_collection_aliases)
    create_collection = _admin(lambda client: client.create_collection)
    recreate_collection = _admin(lambda client: client.recreate_collection)
    update_collection = _admin(lambda client: client.update_collection)
    delete_collection = _admin(lambda client: client.delete_collection)
    create_payload_index = _admin(lambda client: client.create_payload_index)
    delete_payload_index = _admin(lambda client: client.delete_payload_index)
    create_vector_name = _admin(lambda client: client.create_vector_name)
    delete_vector_name = _admin(lambda client: client.delete_vector_name)
    create_snapshot = _admin(lambda client: client.create_snapshot)
    list_snapshots = _admin(lambda client: client.list_snapshots)
    delete_snapshot = _admin(lambda client: client.delete_snapshot)
    recover_snapshot = _admin(lambda client: client.recover_snapshot)
    create_full_snapshot = _admin(lambda client: client.create_full_snapshot)
    list_full_snapshots = _admin(lambda client: client.list_full_snapshots)
    delete_full_snapshot = _admin(lambda client: client.delete_full_snapshot)
    create_shard_snapshot = _admin(lambda client: client.create_shard_snapshot)
    list_shard_snapshots = _admin(lambda client: client.list_shard_snapshots)
    delete_shard_snapshot = _admin(lambda client: client.delete_shard_snapshot)
    recover_shard_snapshot = _admin(lambda client: client.recover_shard_snapshot)
    create_shard_key = _admin(lambda client: client.create_shard_key)
    list_shard_keys = _admin(lambda client: client.list_shard_keys)
    delete_shard_key = _admin(lambda client: client.delete_shard_key)
    cluster_status = _admin(lambda client: client.cluster_status)
    cluster_telemetry = _admin(lambda client: client.cluster_telemetry)
    collection_cluster_info = _admin(lambda client: client.collection_cluster_info)
    cluster_collection_update = _admin(lambda client: client.cluster_collection_update)
    recover_current_peer = _admin(lambda client: client.recover_current_peer)
    remove_peer = _admin(lambda client: client.remove_peer)
    get_optimizations = _admin(lambda client: client.get_optimizations)
    info = _admin(lambda client: client.info)
    migrate = _admin(lambda client: client.migrate)

    async def close(self, grpc_grace: float | None = None, **kwargs: Any) -> None:
        """End this guard; the client is shared with other tenants and stays open."""
        del grpc_grace, kwargs
        self._guard.close()
