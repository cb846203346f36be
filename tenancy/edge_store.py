"""The embedded vector store: a folder, in process, with one engine shard for each tenant.

>>> from tempfile import mkdtemp
>>> store = EdgeStore(Path(mkdtemp()))
>>> store.create_collection("documents", EmbedderIdentity(model="m", dimension=2)).name
'documents'
>>> point = StoredPoint(id=ChunkId("c1"), vector=np.array([0.6, 0.8]), payload={"text": "hello"})
>>> store.upsert("documents", TenantId("acme"), [point])
>>> store.count("documents", TenantId("acme")), store.count("documents", TenantId("globex"))
(1, 0)
>>> store.close()

- INVARIANT: a call opens the files of its own tenant only; isolation does not rest on a filter.
- INVARIANT: every point that leaves is checked against its tenant by `point_identity.restored`.
- INVARIANT: a tenant's folder exists exactly while the tenant has points.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import numpy as np

from ..core.chunk import ChunkId, TenantId, Vector, checked_matrix
from ..core.embedding import EmbedderIdentity
from ..core.errors import CollectionNotFoundError, StoreError, StoreFullError, UnknownTenantError
from ..core.store import CollectionInfo, Hit, StoredPoint
from . import edge_folders as folders
from .edge_shard import EdgeShard, Record
from .names import checked_collection, checked_tenant
from .open_shards import OpenShards
from .point_identity import namespaced_id
from .point_records import Row, checked_limit, checked_records, to_hits, to_points, to_reseal
from .store_lock import StoreLock

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher

_WRITE_POINTS = 500
# The engine writes through memory maps, and a full disk there kills the process (SIGBUS), so space
# is checked before each write; a new shard's log and pages take up to this much.
_MIN_FREE_BYTES = 64 * 2**20
# Log, vectors and payload pages each hold a copy: 2.2 to 4.3 times the raw bytes on a full tmpfs.
_BYTES_FACTOR = 5


class EdgeStore:
    """Keeps collections under ``path``, which one process holds at a time.

    Threads may share it. ``max_open_shards`` bounds memory and file handles, not tenants. A write
    that would leave fewer than ``min_free_bytes`` on the disk raises `StoreFullError`. ``cipher``
    seals its payload fields on the way in and opens them on the way out; the caller closes it.
    Raises `StoreLockedError` if another process, or another object of this one, holds the folder.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_open_shards: int = 64,
        min_free_bytes: int = _MIN_FREE_BYTES,
        cipher: PayloadCipher | None = None,
    ) -> None:
        self._path = Path(path).resolve()
        self._cipher = cipher
        self._min_free_bytes = min_free_bytes
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise folders.os_error(error, self._path) from error
        self._lock = StoreLock(self._path)
        folders.sweep(self._path)
        self._shards = OpenShards(max_open_shards)
        self._infos: dict[str, CollectionInfo] = {}
        self._closed = False

    def create_collection(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        """Create the collection, or return it if it exists with the same model."""
        checked_collection(name)
        with self._shards.lock:
            try:
                existing = self.collection(name)
            except CollectionNotFoundError:
                info = CollectionInfo(name=name, uid=uuid4().hex, embedder=embedder)
                self._require_space(0)
                folders.write_collection(self._path / name, info)
                return info
        embedder.require(existing.embedder, name)
        return existing

    def collection(self, name: str) -> CollectionInfo:
        """Return what the collection records, or raise `CollectionNotFoundError`."""
        checked_collection(name)
        self._require_open()
        info = self._infos.get(name) or folders.read_collection(self._path / name)
        if info is None:
            raise CollectionNotFoundError(
                f"collection '{name}' does not exist in '{self._path}': ingest into it first"
            )
        self._infos[name] = info
        return info

    def collections(self) -> list[CollectionInfo]:
        """Return every collection of the store, by name."""
        self._require_open()
        found = (folders.read_collection(folder) for folder in folders.subfolders(self._path))
        return [info for info in found if info is not None]

    def upsert(self, collection: str, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Write points of the tenant; return when they survive a kill and a loss of power."""
        folder = self._folder(collection, tenant)
        dimension = self.collection(collection).embedder.dimension
        records, size = checked_records(tenant, points, dimension, self._cipher)
        if not records:
            return
        self._require_space(size * _BYTES_FACTOR)
        with self._shards.lock:
            if folders.read_tenant(folder) is None:
                self._create_shard(folder, tenant, records, dimension)
                return
        with self._shards.using(folder) as shard:
            if shard is not None:
                _write(shard, records)
                return
        self.upsert(collection, tenant, points)  # its last point was deleted meanwhile

    def search(self, collection: str, tenant: TenantId, vector: Vector, limit: int) -> list[Hit]:
        """Return the tenant's nearest points by cosine, best first, with payload and vector."""
        folder = self._folder(collection, tenant)
        dimension = self.collection(collection).embedder.dimension
        query = checked_matrix(np.asarray(vector)[np.newaxis], dimension)[0]
        with self._shards.using(folder) as shard:
            if shard is None:
                raise UnknownTenantError(
                    f"collection '{collection}' holds nothing of tenant '{tenant}': "
                    "ingest for it first, or check the tenant's name"
                )
            found = shard.search(query, checked_limit(limit))
        rows = [(id_, vec, payload) for id_, vec, payload, _ in found]
        return to_hits(to_points(tenant, rows, self._cipher), [score for *_, score in found])

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are the tenant's, in the order asked for, each once."""
        wanted = [namespaced_id(tenant, id_) for id_ in dict.fromkeys(ids)]
        with self._shards.using(self._folder(collection, tenant)) as shard:
            found = shard.get(wanted) if shard is not None and wanted else {}
        rows = [(id_, *found[id_]) for id_ in wanted if id_ in found]
        return to_points(tenant, rows, self._cipher)

    def delete(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> None:
        """Delete those of the ids that are the tenant's; with the last one go all its files."""
        folder = self._folder(collection, tenant)
        with self._shards.using(folder) as shard:
            if shard is None or not ids:
                return
            shard.delete([namespaced_id(tenant, id_) for id_ in dict.fromkeys(ids)])
        self._shards.discard_if_empty(folder)

    def count(self, collection: str, tenant: TenantId) -> int:
        """Return how many points the tenant has; 0 for a tenant that has none."""
        with self._shards.using(self._folder(collection, tenant)) as shard:
            return shard.count() if shard is not None else 0

    def scroll(self, collection: str, tenant: TenantId) -> Iterator[StoredPoint]:
        """Yield every point of the tenant, in the order of stored ids."""
        return self._scroll(self._folder(collection, tenant), tenant)

    def reseal(self, collection: str, tenant: TenantId) -> Iterator[int]:
        """Seal again, page by page, what the tenant's newest key did not seal; yield how many.

        It may be stopped and started again at any page. A point that is written meanwhile is left
        as it is, since the newest key has sealed it.
        """
        folder = self._folder(collection, tenant)
        for page in self._pages(folder):
            changes = list(to_reseal(tenant, page, self._cipher))
            with self._shards.using(folder) as shard:
                if shard is not None and changes:
                    shard.set_payloads(
                        (UUID(each.point_id), each.payload, (each.field, each.was))
                        for each in changes
                    )
            yield len(changes)

    def tenants(self, collection: str) -> list[TenantId]:
        """Return the tenants that have points, by name; for administration only."""
        self.collection(collection)
        found = map(folders.read_tenant, folders.subfolders(self._path / collection))
        return sorted(tenant for tenant in found if tenant is not None)

    def close(self) -> None:
        """Flush, close the shards and release the folder; closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._shards.close()
            self._lock.release()

    def _folder(self, collection: str, tenant: TenantId) -> Path:
        """Check both names and that the collection exists; return the tenant's folder."""
        checked_tenant(tenant)
        return folders.tenant_folder(self._path / self.collection(collection).name, tenant)

    def _scroll(self, folder: Path, tenant: TenantId) -> Iterator[StoredPoint]:
        for page in self._pages(folder):
            yield from to_points(tenant, page, self._cipher)

    def _pages(self, folder: Path) -> Iterator[list[Row]]:
        offset: UUID | None = None
        while True:
            # The shard is not held between pages, so a slow reader blocks nothing.
            self._require_open()
            with self._shards.using(folder) as shard:
                if shard is None:
                    return
                page, offset = shard.page(offset)
            yield list(page)
            if offset is None:
                return

    def _create_shard(
        self, folder: Path, tenant: TenantId, records: Sequence[Record], dimension: int
    ) -> None:
        """Build the tenant's folder with its first points; a kill leaves no half of it."""
        with folders.building(folder) as staging:
            folders.write_tenant(staging, tenant)
            shard = EdgeShard.create(staging / folders.SHARD, dimension)
            try:
                _write(shard, records)
            finally:
                shard.close()

    def _require_space(self, size: int) -> None:
        free = shutil.disk_usage(self._path).free
        if free < size + self._min_free_bytes:
            raise StoreFullError(
                f"store '{self._path}' was not written: {free} bytes are free and "
                f"{size + self._min_free_bytes} are needed; free some and run again"
            )

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"store '{self._path}' is closed: open it again")


def _write(shard: EdgeShard, records: Sequence[Record]) -> None:
    for start in range(0, len(records), _WRITE_POINTS):
        shard.upsert(records[start : start + _WRITE_POINTS])
