"""The guarded client for `AsyncQdrantClient`: the same confined methods, awaited.

>>> import asyncio
>>> from qdrant_client import AsyncQdrantClient, models
>>> async def held() -> int:
...     client = AsyncQdrantClient(":memory:")
...     size = models.VectorParams(size=2, distance=models.Distance.COSINE)
...     await client.create_collection("docs", vectors_config=size)
...     guarded = AsyncGuardedQdrantClient(client, TenantContext(tenant="acme", principal="app"))
...     await guarded.upsert("docs", [models.PointStruct(id=1, vector=[1.0, 0.0])])
...     return (await guarded.count("docs")).count
>>> asyncio.run(held())
1
"""

from __future__ import annotations

from typing import Any, NoReturn

from ...core.errors import MissingExtraError, UsageError
from ...core.events import EventSink, LoggingEventSink
from ..context import TenantContext

try:
    from qdrant_client import AsyncQdrantClient

    from . import (
        batch,
        collections,
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
    from .driving import awaited, blocking
    from .guard import RefusedNameError, TenantGuard
    from .hooks import DocumentAccess, PayloadCipher, Quotas
    from .scope import TenantScope
except ImportError as missing:
    raise MissingExtraError(
        "the guarded client needs qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing


class AsyncGuardedQdrantClient:
    """Wraps a client for one context; same signatures and return types as ``AsyncQdrantClient``.

    Ids that callers use are theirs: two tenants may both have a point 1. A refusal raises
    `IsolationError` and is reported to ``events``. Each method raises `CredentialError` when the
    context has expired. Methods that reach beyond a tenant need a context with ``admin``, and are
    reported. The client stays the caller's to close.

    ``access`` narrows what of the tenant's the context sees, ``quotas`` limits calls and points,
    ``cipher`` seals payload texts.
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        context: TenantContext,
        events: EventSink | None = None,
        *,
        access: DocumentAccess | None = None,
        quotas: Quotas | None = None,
        cipher: PayloadCipher | None = None,
    ) -> None:
        if not isinstance(client, AsyncQdrantClient):
            raise UsageError("guarded client refused: it needs an AsyncQdrantClient")
        self._guarded = client
        self._guard = TenantGuard(
            TenantScope(
                context=context,
                access=access,
                quotas=quotas,
                cipher=cipher,
                remote_inference=client.cloud_inference,
            ),
            events or LoggingEventSink(),
        )

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

    get_collections = AdminMethod(AsyncQdrantClient.get_collections)
    get_aliases = AdminMethod(AsyncQdrantClient.get_aliases)
    get_collection_aliases = AdminMethod(AsyncQdrantClient.get_collection_aliases)
    update_collection_aliases = AdminMethod(AsyncQdrantClient.update_collection_aliases)
    create_collection = AdminMethod(AsyncQdrantClient.create_collection)
    recreate_collection = AdminMethod(AsyncQdrantClient.recreate_collection)
    update_collection = AdminMethod(AsyncQdrantClient.update_collection)
    delete_collection = AdminMethod(AsyncQdrantClient.delete_collection)
    create_payload_index = AdminMethod(AsyncQdrantClient.create_payload_index)
    delete_payload_index = AdminMethod(AsyncQdrantClient.delete_payload_index)
    create_vector_name = AdminMethod(AsyncQdrantClient.create_vector_name)
    delete_vector_name = AdminMethod(AsyncQdrantClient.delete_vector_name)
    create_snapshot = AdminMethod(AsyncQdrantClient.create_snapshot)
    list_snapshots = AdminMethod(AsyncQdrantClient.list_snapshots)
    delete_snapshot = AdminMethod(AsyncQdrantClient.delete_snapshot)
    recover_snapshot = AdminMethod(AsyncQdrantClient.recover_snapshot)
    create_full_snapshot = AdminMethod(AsyncQdrantClient.create_full_snapshot)
    list_full_snapshots = AdminMethod(AsyncQdrantClient.list_full_snapshots)
    delete_full_snapshot = AdminMethod(AsyncQdrantClient.delete_full_snapshot)
    create_shard_snapshot = AdminMethod(AsyncQdrantClient.create_shard_snapshot)
    list_shard_snapshots = AdminMethod(AsyncQdrantClient.list_shard_snapshots)
    delete_shard_snapshot = AdminMethod(AsyncQdrantClient.delete_shard_snapshot)
    recover_shard_snapshot = AdminMethod(AsyncQdrantClient.recover_shard_snapshot)
    create_shard_key = AdminMethod(AsyncQdrantClient.create_shard_key)
    list_shard_keys = AdminMethod(AsyncQdrantClient.list_shard_keys)
    delete_shard_key = AdminMethod(AsyncQdrantClient.delete_shard_key)
    cluster_status = AdminMethod(AsyncQdrantClient.cluster_status)
    cluster_telemetry = AdminMethod(AsyncQdrantClient.cluster_telemetry)
    collection_cluster_info = AdminMethod(AsyncQdrantClient.collection_cluster_info)
    cluster_collection_update = AdminMethod(AsyncQdrantClient.cluster_collection_update)
    recover_current_peer = AdminMethod(AsyncQdrantClient.recover_current_peer)
    remove_peer = AdminMethod(AsyncQdrantClient.remove_peer)
    get_optimizations = AdminMethod(AsyncQdrantClient.get_optimizations)
    info = AdminMethod(AsyncQdrantClient.info)
    migrate = AdminMethod(AsyncQdrantClient.migrate)

    async def close(self, grpc_grace: float | None = None, **kwargs: Any) -> None:
        """End this guard; the client is shared with other tenants and stays open."""
        del grpc_grace, kwargs
        self._guard.close()

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse every name of the client that is not offered to this context."""
        if name.startswith("_"):  # copying asks for these before there is a guard
            raise RefusedNameError(f"AsyncGuardedQdrantClient has no '{name}'")
        raise self._guard.refusal(name)
