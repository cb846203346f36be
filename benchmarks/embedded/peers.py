"""The embedded store, and bare Qdrant Edge in the two ways that a program can keep tenants in it.

All of them hold the same points, search them exactly and with one thread (Edge builds an index of
vectors only when it is told to optimise, and nothing here tells it), and return the same ten points
with payload and vector. Bare Edge gives vectors as lists of Python numbers, the store as arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import qdrant_edge as edge
from ragbastion.core.chunk import Vector
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.point_identity import ID_KEY, namespaced_id

from .data import COLLECTION, DIMENSION, EMBEDDER, TOP_K, tenant_id

_BATCH = 2_000


class Peer(Protocol):
    """Something that keeps points of tenants."""

    def fill(self, tenant: int, points: Sequence[StoredPoint]) -> None:
        """Write points of the tenant, so that they survive a loss of power."""
        ...

    def query(self, tenant: int, vector: Vector) -> list[str]:
        """Return the ids of the nearest points, whose payloads and vectors were read."""
        ...

    def close(self) -> None:
        """Close its files."""
        ...


class Guarded:
    """`EdgeStore`."""

    def __init__(self, path: Path) -> None:
        self._store = EdgeStore(path)
        self._store.create_collection(COLLECTION, EMBEDDER)

    def fill(self, tenant: int, points: Sequence[StoredPoint]) -> None:
        """Write points of the tenant."""
        self._store.upsert(COLLECTION, tenant_id(tenant), points)

    def query(self, tenant: int, vector: Vector) -> list[str]:
        """Search the tenant's points."""
        hits = self._store.search(COLLECTION, tenant_id(tenant), vector, TOP_K)
        return [hit.point.id for hit in hits]

    def close(self) -> None:
        """Close the store."""
        self._store.close()


class ShardEach:
    """Bare Edge with one shard for each tenant."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shards: dict[int, edge.EdgeShard] = {}

    def fill(self, tenant: int, points: Sequence[StoredPoint]) -> None:
        """Write points into the tenant's shard."""
        if tenant not in self._shards:
            self._shards[tenant] = _created(self._path / str(tenant))
        _upsert(self._shards[tenant], tenant, points)

    def query(self, tenant: int, vector: Vector) -> list[str]:
        """Search the tenant's shard."""
        return _search(self._shards[tenant], vector, None)

    def close(self) -> None:
        """Close every shard."""
        for shard in self._shards.values():
            shard.close()


class Filtered:
    """Bare Edge with one shard, a keyword index on the tenant and a filter in each query."""

    def __init__(self, path: Path) -> None:
        self._shard = _created(path)
        keyword = edge.PayloadSchemaType.Keyword
        self._shard.update(edge.UpdateOperation.create_field_index("tenant", keyword))

    def fill(self, tenant: int, points: Sequence[StoredPoint]) -> None:
        """Write points into the shard."""
        _upsert(self._shard, tenant, points)

    def query(self, tenant: int, vector: Vector) -> list[str]:
        """Search the points that the filter leaves."""
        match = edge.FieldCondition(key="tenant", match=edge.MatchValue(tenant_id(tenant)))
        return _search(self._shard, vector, edge.Filter(must=[match]))

    def close(self) -> None:
        """Close the shard."""
        self._shard.close()


def _created(path: Path) -> edge.EdgeShard:
    path.mkdir(parents=True)
    vectors = edge.EdgeVectorParams(size=DIMENSION, distance=edge.Distance.Cosine)
    return edge.EdgeShard.create(str(path), edge.EdgeConfig(vectors=vectors, max_search_threads=1))


def _upsert(shard: edge.EdgeShard, tenant: int, points: Sequence[StoredPoint]) -> None:
    name = tenant_id(tenant)
    for start in range(0, len(points), _BATCH):
        batch = [
            edge.Point(
                namespaced_id(name, point.id),
                point.vector.tolist(),
                {**point.payload, "tenant": name, ID_KEY: point.id},
            )
            for point in points[start : start + _BATCH]
        ]
        shard.update(edge.UpdateOperation.upsert_points(batch))
        shard.flush()


def _search(shard: edge.EdgeShard, vector: Vector, owned: edge.Filter | None) -> list[str]:
    request = edge.SearchRequest(
        query=edge.Query.Nearest(vector.tolist()),
        filter=owned,
        limit=TOP_K,
        with_payload=True,
        with_vector=True,
    )
    # The binding makes Python values of a hit's fields when they are asked for.
    hits = [(hit.id, hit.vector, hit.payload, hit.score) for hit in shard.search(request)]
    return [str(payload[ID_KEY]) for _, _, payload, _ in hits if payload]
