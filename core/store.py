"""The vector store protocol: every call names its collection and its tenant.

The tenant is a positional argument with no default, so a call without one cannot be written.
Adapters (``tenancy/qdrant_store.py``, ``tenancy/edge_store.py``) keep the invariants:

- INVARIANT: a point of one tenant is never returned to, counted for, changed or deleted by a call
  that names another tenant, whatever ids, vectors or filters the call carries.
- INVARIANT: a write is all or nothing for each point, and repeating it changes nothing.
- Foreign exceptions leave as `StoreError` and its children.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .chunk import ChunkId, TenantId, Vector
from .embedding import EmbedderIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionInfo:
    """What a collection records of itself: its name, its model, and a uid new at each creation.

    The uid lets state kept elsewhere notice that a collection was deleted and made again.
    """

    name: str
    uid: str
    embedder: EmbedderIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPoint:
    """A point as it is written and read back: the chunk's id, its vector (d,) and its payload."""

    id: ChunkId
    vector: Vector
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A point that a search returned, with its cosine similarity in [-1, 1]."""

    point: StoredPoint
    score: float


class VectorStore(Protocol):
    """Keeps points in collections, apart by tenant."""

    def create_collection(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        """Create the collection, or return it if it exists with the same model.

        Raises `ModelMismatchError` if it exists with another one.
        """
        ...

    def collection(self, name: str) -> CollectionInfo:
        """Return what the collection records, or raise `CollectionNotFoundError`."""
        ...

    def collections(self) -> list[CollectionInfo]:
        """Return every collection of the store, by name."""
        ...

    def upsert(self, collection: str, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Write points of the tenant; return when they survive a kill of the process."""
        ...

    def search(self, collection: str, tenant: TenantId, vector: Vector, limit: int) -> list[Hit]:
        """Return the tenant's nearest points by cosine, best first, with payload and vector.

        Raises `UnknownTenantError` if the collection holds nothing of the tenant.
        """
        ...

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are the tenant's, in the order asked for."""
        ...

    def delete(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> None:
        """Delete those of the ids that are the tenant's."""
        ...

    def count(self, collection: str, tenant: TenantId) -> int:
        """Return how many points the tenant has; 0 for a tenant that has none."""
        ...

    def scroll(self, collection: str, tenant: TenantId) -> Iterator[StoredPoint]:
        """Yield every point of the tenant, in a stable order."""
        ...

    def tenants(self, collection: str) -> list[TenantId]:
        """Return the tenants that have points; for administration only."""
        ...

    def close(self) -> None:
        """Flush and release files, locks and connections; closing twice is allowed."""
        ...
