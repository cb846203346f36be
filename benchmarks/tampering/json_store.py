"""A store in memory that keeps points as databases do: JSON text and float32."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from uuid import uuid4

import numpy as np
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import CollectionInfo, Hit, StoredPoint, Vector

_Kept = dict[ChunkId, tuple[str, bytes]]


class JsonStore:
    """Quick, and without any of the checks that the real stores make."""

    def __init__(self) -> None:
        self._infos: dict[str, CollectionInfo] = {}
        self._points: dict[tuple[str, TenantId], _Kept] = {}

    def create_collection(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        """Create the collection, or return it."""
        made = CollectionInfo(name=name, uid=uuid4().hex, embedder=embedder)
        return self._infos.setdefault(name, made)

    def collection(self, name: str) -> CollectionInfo:
        """Return what the collection records."""
        return self._infos[name]

    def collections(self) -> list[CollectionInfo]:
        """Return every collection."""
        return list(self._infos.values())

    def upsert(self, collection: str, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Write points."""
        kept = self._points.setdefault((collection, tenant), {})
        for point in points:
            vector = np.asarray(point.vector, dtype=np.float32)
            kept[point.id] = json.dumps(point.payload), vector.tobytes()

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are there."""
        kept = self._points.get((collection, tenant), {})
        return [_read(each, *kept[each]) for each in ids if each in kept]

    def search(self, collection: str, tenant: TenantId, vector: Vector, limit: int) -> list[Hit]:
        """Refuse: nobody searches here."""
        raise NotImplementedError(f"{collection}, {tenant}, {len(vector)}, {limit}")

    def delete(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> None:
        """Delete those of the ids that are there."""
        for each in ids:
            self._points[collection, tenant].pop(each, None)

    def count(self, collection: str, tenant: TenantId) -> int:
        """Return how many points the tenant has."""
        return len(self._points.get((collection, tenant), {}))

    def scroll(self, collection: str, tenant: TenantId) -> Iterator[StoredPoint]:
        """Yield every point of the tenant."""
        for each, kept in list(self._points.get((collection, tenant), {}).items()):
            yield _read(each, *kept)

    def tenants(self, collection: str) -> list[TenantId]:
        """Return the tenants that have points."""
        return [tenant for name, tenant in self._points if name == collection]

    def close(self) -> None:
        """Do nothing."""


def _read(point: ChunkId, payload: str, vector: bytes) -> StoredPoint:
    return StoredPoint(
        id=point, vector=np.frombuffer(vector, dtype=np.float32), payload=json.loads(payload)
    )
