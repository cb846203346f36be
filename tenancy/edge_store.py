"""The embedded vector store: a folder, in process, with one engine shard for each tenant.

>>> import numpy as np
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

import resource
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from ..core.chunk import ChunkId, TenantId, Vector, checked_vector
from ..core.embedding import EmbedderIdentity
from ..core.errors import (
    CollectionNotFoundError,
    StoreError,
    StoreFullError,
    UnknownTenantError,
    UsageError,
)
from ..core.store import CollectionInfo, Hit, StoredPoint
from . import edge_folders as folders
from .access_rules import Rule
from .edge_erasure import erase, finish_erasures
from .edge_optimizer import ShardOptimizer
from .edge_shard import EdgeShard, Record
from .names import checked_collection, checked_tenant
from .open_shards import OpenShards
from .point_identity import namespaced_id
from .point_records import (
    Row,
    UnopenedPoint,
    checked_limit,
    checked_records,
    each_opened,
    refuse_reserved,
    require_readable,
    to_hits,
    to_points,
    to_reseal,
)
from .sealing_store import SealingStore
from .store_files import os_error, remove_tree
from .store_lock import StoreLock

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher

_WRITE_POINTS = 500
# The engine writes through memory maps, and a full disk there kills the process (SIGBUS), so space
# is checked before each write; a new shard's log and pages take up to this much.
_MIN_FREE_BYTES = 64 * 2**20
# Log, vectors and payload pages each hold a copy: 2.2 to 4.3 times the raw bytes on a full tmpfs.
_BYTES_FACTOR = 5
_MAX_OPEN_SHARDS = 1_000
_MAX_OPEN_BYTES = 1_000_000_000
# Of the handles that the process may open the shards take half at most, one each. Of the mappings
# that Linux allows a process (65,530, vm.max_map_count) a shard takes 16.
_HANDLES_SHARE = 2
_MAX_MAPPED_SHARDS = 3_000


class EdgeStore(SealingStore):
    """Keeps collections under ``path``, which one process holds at a time.

    Threads may share it. ``max_open_shards`` and ``max_open_bytes`` (estimated from the files of a
    shard, `EdgeShard.resident_bytes`) bound memory, threads and file handles, not tenants: what was
    used least recently is closed first, never what is in use. With ``optimize`` shards with many
    deleted points are rewritten in the background, by a child process. A write that would leave
    fewer than ``min_free_bytes`` on the disk raises `StoreFullError`. ``cipher`` seals its payload
    fields on the way in and opens them on the way out; the caller closes it. Raises
    `StoreLockedError` if another process, or another object of this one, holds the folder.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_open_shards: int = _MAX_OPEN_SHARDS,
        max_open_bytes: int = _MAX_OPEN_BYTES,
        min_free_bytes: int = _MIN_FREE_BYTES,
        optimize: bool = True,
        cipher: PayloadCipher | None = None,
    ) -> None:
        self._path = Path(path).resolve()
        self._cipher = cipher
        self._min_free_bytes = min_free_bytes
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise os_error(error, self._path) from error
        self._lock = StoreLock(self._path)
        try:
            finish_erasures(self._path)
            folders.sweep(self._path)
        except BaseException:
            self._lock.release()
            raise
        self._shards = OpenShards(min(max_open_shards, _possible_shards()), max_open_bytes)
        self._optimizer = ShardOptimizer(self._shards, self._require_space, in_background=optimize)
        self._infos: dict[str, CollectionInfo] = {}
        self._creating = threading.Lock()
        self._erasing: set[TenantId] = set()
        self._closed = False

    def create_collection(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        """Create the collection, or return it if it exists with the same model."""
        checked_collection(name)
        with self._creating:
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
        self._require_open()
        if isinstance(name, str) and (known := self._infos.get(name)):
            return known
        checked_collection(name)
        info = folders.read_collection(self._path / name)
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
        while True:
            with self._shards.writing(folder) as shard:
                self._require_not_erasing(tenant)
                if shard is not None:
                    self._optimizer.wrote(folder)
                    _write(shard, records)
                    return
            with self._shards.exclusive(folder):
                self._require_not_erasing(tenant)
                if folders.read_tenant(folder) is None:
                    self._create_shard(folder, tenant, records, dimension)
                    return

    def search(self, collection: str, tenant: TenantId, vector: Vector, limit: int) -> list[Hit]:
        """Return the tenant's nearest points by cosine, best first, with payload and vector."""
        return self._nearest(collection, tenant, vector, limit, None)

    def search_readable(
        self, collection: str, tenant: TenantId, vector: Vector, limit: int, readable: Rule
    ) -> list[Hit]:
        """Return what `search` does of the points for which the rule holds."""
        hits = self._nearest(collection, tenant, vector, limit, readable)
        return require_readable(hits, readable)

    def set_payload(
        self,
        collection: str,
        tenant: TenantId,
        ids: Sequence[ChunkId],
        payload: Mapping[str, Any],
        where: Rule | None,
    ) -> None:
        """Set payload keys of those of the tenant's ids for which the rule, if any, holds."""
        folder = self._folder(collection, tenant)
        refuse_reserved(payload, self.sealed_fields)
        wanted = [namespaced_id(tenant, id_) for id_ in dict.fromkeys(ids)]
        with self._shards.writing(folder) as shard:
            if shard is not None and wanted:
                self._require_not_erasing(tenant)
                self._require_space(0)
                self._optimizer.wrote(folder)
                shard.set_payload(wanted, payload, where)

    def _nearest(
        self, collection: str, tenant: TenantId, vector: Vector, limit: int, readable: Rule | None
    ) -> list[Hit]:
        info = self.collection(collection)
        folder = folders.folder_in(self._path, info.name, checked_tenant(tenant))
        query = checked_vector(vector, info.embedder.dimension)
        with self._shards.using(folder) as shard:
            if shard is None:
                raise UnknownTenantError(
                    f"collection '{collection}' holds nothing of tenant '{tenant}': "
                    "ingest for it first, or check the tenant's name"
                )
            rows, scores = shard.search(query, checked_limit(limit), readable)
        return to_hits(to_points(tenant, rows, self._cipher), scores)

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
        if not ids:
            return
        wanted = [namespaced_id(tenant, id_) for id_ in dict.fromkeys(ids)]
        with self._shards.writing(folder) as shard:
            if shard is None:
                return
            before = shard.count()
            self._optimizer.wrote(folder)
            shard.delete(wanted)
            left = shard.count()
        if left:
            dimension = self.collection(collection).embedder.dimension
            self._optimizer.deleted(folder, dimension, before - left, left)
        else:
            with self._optimizer.holding_off(folder):
                self._shards.discard_if_empty(folder)

    def count(self, collection: str, tenant: TenantId) -> int:
        """Return how many points the tenant has; 0 for a tenant that has none."""
        with self._shards.using(self._folder(collection, tenant)) as shard:
            return shard.count() if shard is not None else 0

    def scroll(self, collection: str, tenant: TenantId) -> Iterator[StoredPoint]:
        """Yield every point of the tenant, in the order of stored ids."""
        return self._scroll(self._folder(collection, tenant), tenant)

    def scroll_each(
        self, collection: str, tenant: TenantId
    ) -> Iterator[StoredPoint | UnopenedPoint]:
        """Yield as `scroll` does, and in place of a point that may not leave, why."""
        for page in self._pages(self._folder(collection, tenant)):
            yield from each_opened(tenant, page, self._cipher)

    def reseal(self, collection: str, tenant: TenantId) -> Iterator[int]:
        """Seal again, page by page, what the tenant's newest key did not seal; yield how many.

        It may be stopped and started again at any page. A point that is written meanwhile is left
        as it is, since the newest key has sealed it.
        """
        folder = self._folder(collection, tenant)
        for page in self._pages(folder):
            changes = list(to_reseal(tenant, page, self._cipher))
            with self._shards.writing(folder) as shard:
                if shard is not None and changes:
                    self._require_not_erasing(tenant)
                    self._optimizer.wrote(folder)
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

    @contextmanager
    def snapshot(self, collection: str, tenant: TenantId) -> Iterator[Iterator[StoredPoint]]:
        """Yield every point of the tenant as of one moment: its writes wait until the block ends.

        Payloads are as they are kept, sealed ones sealed. Nothing is yielded for a tenant that has
        no points.
        """
        with self._shards.writing(self._folder(collection, tenant)) as shard:
            yield _points_of(shard, tenant) if shard is not None else iter(())

    def replace(self, collection: str, tenant: TenantId, points: Iterable[StoredPoint]) -> None:
        """Put these points in the place of all that the tenant has, at once or not at all.

        Their payloads are as `snapshot` gives them, sealed ones sealed.
        The shard is built beside the old one and takes its place when complete, so a kill, a full
        disk or an error of ``points`` leaves the old one. Raises `UsageError` if there are none.
        """
        folder = self._folder(collection, tenant)
        dimension = self.collection(collection).embedder.dimension
        self._require_not_erasing(tenant)
        with self._optimizer.holding_off(folder):
            staging = folders.staging_in(folder.parent)
            try:
                staging.mkdir(mode=0o700)
                self._fill(staging, tenant, points, dimension)
                with self._shards.exclusive(folder):
                    if folders.read_tenant(folder) is None:
                        folders.adopt(staging, folder)
                    else:
                        folders.replace_shard(folder, staging / folders.SHARD)
            finally:
                remove_tree(staging)

    def erase(self, tenant: TenantId) -> Mapping[str, int]:
        """Remove the tenant from every collection; return how many points each of them held.

        The intent is recorded first, each folder is renamed before it is deleted, and what a kill
        interrupts is finished when the store is opened again. Nothing of the tenant's name or
        points stays in the store's folder then; what the disk keeps of deleted files is its own.
        """
        checked_tenant(tenant)
        self._require_open()
        counts = {info.name: self.count(info.name, tenant) for info in self.collections()}
        # After a failure they stay refused: the next opening finishes the erasure, theirs included.
        self._erasing.add(tenant)

        def gone(folder: Path) -> None:
            with self._optimizer.holding_off(folder), self._shards.exclusive(folder):
                folders.discard(folder)

        erase(self._path, tenant, gone)
        self._erasing.discard(tenant)
        return {name: count for name, count in counts.items() if count}

    def optimize(self, collection: str, tenant: TenantId) -> bool:
        """Rewrite the tenant's shard without its deleted points; tell if there was one.

        A child process works on a copy, so that calls go on meanwhile; False as well if the tenant
        was written to so often that the copy was out of date each time.
        """
        dimension = self.collection(collection).embedder.dimension
        return self._optimizer.optimize(self._folder(collection, tenant), dimension)

    def close(self) -> None:
        """Flush, close the shards and release the folder; closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._optimizer.stop()
            self._shards.close()
            self._lock.release()

    def _folder(self, collection: str, tenant: TenantId) -> Path:
        """Check both names and that the collection exists; return the tenant's folder."""
        name = self.collection(collection).name
        return folders.folder_in(self._path, name, checked_tenant(tenant))

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

    def _fill(
        self, staging: Path, tenant: TenantId, points: Iterable[StoredPoint], dimension: int
    ) -> None:
        """Build a tenant's folder out of points that may be too many for memory."""
        folders.write_tenant(staging, tenant)
        shard = EdgeShard.create(staging / folders.SHARD, dimension)
        remaining = iter(points)
        try:
            while batch := list(islice(remaining, _WRITE_POINTS)):
                self.require_openable(tenant, batch)
                records, size = checked_records(tenant, batch, dimension)
                self._require_space(size * _BYTES_FACTOR)
                shard.upsert(records)
            if not shard.count():
                raise UsageError(f"tenant '{tenant}' not replaced: no point was given; erase it")
        finally:
            shard.close()

    def _require_space(self, size: int) -> None:
        free = shutil.disk_usage(self._path).free
        if free < size + self._min_free_bytes:
            raise StoreFullError(
                f"store '{self._path}' was not written: {free} bytes are free and "
                f"{size + self._min_free_bytes} are needed; free some and run again"
            )

    def _require_not_erasing(self, tenant: TenantId) -> None:
        if tenant in self._erasing:
            raise StoreError(
                f"tenant '{tenant}' is being erased: wait, or erase it again if that failed"
            )

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"store '{self._path}' is closed: open it again")


def _write(shard: EdgeShard, records: Sequence[Record]) -> None:
    for start in range(0, len(records), _WRITE_POINTS):
        shard.upsert(records[start : start + _WRITE_POINTS])


def _points_of(shard: EdgeShard, tenant: TenantId) -> Iterator[StoredPoint]:
    offset: UUID | None = None
    while True:
        page, offset = shard.page(offset)
        yield from to_points(tenant, page)
        if offset is None:
            return


def _possible_shards() -> int:
    """Return how many shards the limits of the process let it keep open."""
    handles = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if handles == resource.RLIM_INFINITY:
        return _MAX_MAPPED_SHARDS
    return max(1, min(_MAX_MAPPED_SHARDS, handles // _HANDLES_SHARE))
