"""The vector store on a Qdrant server, or on qdrant-client's local mode (tests, small data).

Tenants share a collection; each point carries its tenant in payload and id.

- INVARIANT: each call carries a filter that MUST match the tenant; none is made by id alone.
- INVARIANT: every point that leaves is checked against its tenant by `point_identity.restored`.

A collection records its model in Qdrant's collection metadata, which servers have since 1.16.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from ..core.chunk import ChunkId, TenantId, Vector, checked_vector
from ..core.embedding import EmbedderIdentity
from ..core.errors import (
    CollectionNotFoundError,
    MissingExtraError,
    StoreError,
    StoreLockedError,
    UnknownTenantError,
    UsageError,
)
from ..core.store import CollectionInfo, Hit, StoredPoint
from .access_labels import CLASSIFICATION, DELETED_AT, DEPARTMENT, GROUPS, OWNER, USERS
from .access_rules import Rule
from .names import checked_collection, checked_tenant
from .point_identity import TENANT_KEY, namespaced_id
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

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher, Resealed

try:
    from qdrant_client import QdrantClient, models

    from .access_conditions import conditions_of
    from .client_calls import is_local
    from .qdrant_errors import translated
    from .tenant_filter import GRAPH_OF_EACH_TENANT, tenant_filter, tenant_index
except ImportError as missing:
    raise MissingExtraError(
        "a Qdrant store needs qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing

_LOGGER = logging.getLogger(__name__)
_METADATA = "ragbastion"
_BATCH = 256
_TIMEOUT_S = 30
_MAX_TENANTS = 100_000
_ACCESS_INDEXES = {
    **dict.fromkeys((OWNER, USERS, GROUPS, DEPARTMENT, "source"), models.PayloadSchemaType.KEYWORD),
    **dict.fromkeys((CLASSIFICATION, DELETED_AT), models.PayloadSchemaType.FLOAT),
}


class QdrantStore(SealingStore):
    """Keeps collections on the server (or local mode) that ``client`` talks to, and closes it.

    Threads may share it. ``cipher`` seals its payload fields on the way in and opens them on the
    way out; the caller closes it.
    """

    def __init__(self, client: QdrantClient, *, cipher: PayloadCipher | None = None) -> None:
        self._client = client
        self._cipher = cipher
        self._local = is_local(client)
        # Local mode is plain Python objects without a lock of its own; a server needs none.
        self._guard: AbstractContextManager[Any] = (
            threading.RLock() if self._local else nullcontext()
        )
        self._infos: dict[str, CollectionInfo] = {}
        self._access_indexed: set[str] = set()
        self._closed = False

    @classmethod
    def at_url(
        cls, url: str, api_key: str | None = None, *, cipher: PayloadCipher | None = None
    ) -> QdrantStore:
        """Return a store on the server at ``url``; nothing is asked of the server yet."""
        try:
            client = QdrantClient(
                url=url, api_key=api_key, timeout=_TIMEOUT_S, check_compatibility=False
            )
        except ValueError as error:
            raise UsageError(f"store '{url}' refused: it is not a valid URL") from error
        return cls(client, cipher=cipher)

    @classmethod
    def in_process(cls, path: str, *, cipher: PayloadCipher | None = None) -> QdrantStore:
        """Return a store on local mode in a folder, or in memory for ``:memory:``."""
        if path == ":memory:":
            return cls(QdrantClient(":memory:"), cipher=cipher)
        try:
            # The store serialises its calls, so one SQLite connection may serve every thread.
            client = QdrantClient(path=path, force_disable_check_same_thread=True)
        except RuntimeError as error:
            raise StoreLockedError(
                f"store '{path}' is held by another process: stop it, or use a Qdrant server"
            ) from error
        except OSError as error:
            raise StoreError(f"store '{path}' cannot be opened: {error.strerror}") from error
        return cls(client, cipher=cipher)

    def create_collection(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        """Create the collection, or return it if it exists with the same model."""
        checked_collection(name)
        with self._guard:
            try:
                existing = self.collection(name)
            except CollectionNotFoundError:
                return self._create(name, embedder)
        embedder.require(existing.embedder, name)
        return existing

    def collection(self, name: str) -> CollectionInfo:
        """Return what the collection records, or raise `CollectionNotFoundError`."""
        checked_collection(name)
        with self._calling(name):
            described = self._client.get_collection(name)
        recorded = (described.config.metadata or {}).get(_METADATA)
        if not isinstance(recorded, dict):
            raise StoreError(
                f"collection '{name}' records no embedding model: it was not made by ragbastion, "
                "or the server is older than 1.16; use another name, or upgrade the server"
            )
        info = _info(name, recorded)
        self._infos[name] = info
        return info

    def collections(self) -> list[CollectionInfo]:
        """Return every collection that ragbastion made, by name."""
        with self._calling(""):
            names = sorted(each.name for each in self._client.get_collections().collections)
            described = [(name, self._client.get_collection(name)) for name in names]
        records = [(name, (each.config.metadata or {}).get(_METADATA)) for name, each in described]
        return [_info(name, record) for name, record in records if isinstance(record, dict)]

    def upsert(self, collection: str, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Write points of the tenant; return when the server has applied them."""
        self._write(collection, tenant, points, self._cipher)

    def search(self, collection: str, tenant: TenantId, vector: Vector, limit: int) -> list[Hit]:
        """Return the tenant's nearest points by cosine, best first, with payload and vector."""
        return self._nearest(collection, tenant, vector, limit, self._owned(collection, tenant))

    def search_readable(
        self, collection: str, tenant: TenantId, vector: Vector, limit: int, readable: Rule
    ) -> list[Hit]:
        """Return what `search` does of the points for which the rule holds."""
        owned = self._owned(collection, tenant)
        self._index_access(collection)
        narrowed = models.Filter(must=[owned, *conditions_of(readable)])
        hits = self._nearest(collection, tenant, vector, limit, narrowed)
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
        owned = self._owned(collection, tenant)
        refuse_reserved(payload, self.sealed_fields)
        wanted = [str(namespaced_id(tenant, id_)) for id_ in dict.fromkeys(ids)]
        for start in range(0, len(wanted), _BATCH):
            batch = models.HasIdCondition(has_id=list(wanted[start : start + _BATCH]))
            held = [] if where is None else conditions_of(where)
            chosen = models.Filter(must=[owned, batch, *held])
            with self._calling(collection):
                self._client.set_payload(collection, dict(payload), chosen, wait=True)

    def _nearest(
        self,
        collection: str,
        tenant: TenantId,
        vector: Vector,
        limit: int,
        owned: models.Filter,
    ) -> list[Hit]:
        dimension = self._info(collection).embedder.dimension
        query = checked_vector(vector, dimension)
        with self._calling(collection):
            found = self._client.query_points(
                collection,
                query=query.tolist(),
                query_filter=owned,
                limit=checked_limit(limit),
                with_payload=True,
                with_vectors=True,
            ).points
        if not found and not self.count(collection, tenant):
            raise UnknownTenantError(
                f"collection '{collection}' holds nothing of tenant '{tenant}': "
                "ingest for it first, or check the tenant's name"
            )
        return to_hits(self._restored(tenant, found), [hit.score for hit in found])

    def get(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        """Return those of the ids that are the tenant's, in the order asked for, each once."""
        owned = self._owned(collection, tenant)
        wanted = [str(namespaced_id(tenant, id_)) for id_ in dict.fromkeys(ids)]
        found: dict[str, StoredPoint] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            page, _ = self._page(collection, _narrowed(owned, batch), None)
            points = self._restored(tenant, page)
            found |= {str(record.id): each for record, each in zip(page, points, strict=True)}
        return [found[id_] for id_ in wanted if id_ in found]

    def delete(self, collection: str, tenant: TenantId, ids: Sequence[ChunkId]) -> None:
        """Delete those of the ids that are the tenant's."""
        owned = self._owned(collection, tenant)
        wanted = [str(namespaced_id(tenant, id_)) for id_ in dict.fromkeys(ids)]
        for start in range(0, len(wanted), _BATCH):
            narrowed = _narrowed(owned, wanted[start : start + _BATCH])
            with self._calling(collection):
                self._client.delete(collection, models.FilterSelector(filter=narrowed), wait=True)

    def count(self, collection: str, tenant: TenantId) -> int:
        """Return how many points the tenant has; 0 for a tenant that has none."""
        owned = self._owned(collection, tenant)
        with self._calling(collection):
            return self._client.count(collection, count_filter=owned, exact=True).count

    def scroll(self, collection: str, tenant: TenantId) -> Iterator[StoredPoint]:
        """Yield every point of the tenant, in the order of stored ids."""
        return self._scroll(collection, tenant, self._owned(collection, tenant))

    def scroll_each(
        self, collection: str, tenant: TenantId
    ) -> Iterator[StoredPoint | UnopenedPoint]:
        """Yield as `scroll` does, and in place of a point that may not leave, why."""
        for page in self._pages(collection, self._owned(collection, tenant)):
            yield from each_opened(tenant, _rows(page), self._cipher)

    def reseal(self, collection: str, tenant: TenantId) -> Iterator[int]:
        """Seal again, page by page, what the tenant's newest key did not seal; yield how many.

        It may be stopped and started again at any page. A point that is written meanwhile is left
        as it is, since the newest key has sealed it.
        """
        owned = self._owned(collection, tenant)
        for page in self._pages(collection, owned):
            changes = list(to_reseal(tenant, _rows(page), self._cipher))
            if changes:
                operations = [_set_payload(owned, change) for change in changes]
                with self._calling(collection):
                    self._client.batch_update_points(collection, operations, wait=True)
            yield len(changes)

    def tenants(self, collection: str) -> list[TenantId]:
        """Return the tenants that have points, by name; for administration only."""
        self._info(collection)
        with self._calling(collection):
            facets = self._client.facet(collection, TENANT_KEY, limit=_MAX_TENANTS, exact=True)
        return sorted(TenantId(str(hit.value)) for hit in facets.hits)

    @contextmanager
    def snapshot(self, collection: str, tenant: TenantId) -> Iterator[Iterator[StoredPoint]]:
        """Yield every point of the tenant; on local mode all other calls wait until the block ends.

        Payloads are as they are kept, sealed ones sealed. A server goes on serving others: stop the
        tenant's writes for a copy as of one moment.
        """
        owned = self._owned(collection, tenant)
        with self._guard:
            pages = self._pages(collection, owned)
            yield (point for page in pages for point in to_points(tenant, _rows(page)))

    def replace(self, collection: str, tenant: TenantId, points: Iterable[StoredPoint]) -> None:
        """Write these points, then delete what else the tenant has.

        Their payloads are as `snapshot` gives them, sealed ones sealed. A reader can see both
        meanwhile; repeat it if it was interrupted. Raises `UsageError` if there are none.
        """
        with self._guard:
            kept: set[str] = set()
            remaining = iter(points)
            while batch := list(islice(remaining, _BATCH)):
                self.require_openable(tenant, batch)
                self._write(collection, tenant, batch, None)
                kept |= {str(point.id) for point in batch}
            if not kept:
                raise UsageError(f"tenant '{tenant}' not replaced: no point was given; erase it")
            with self.snapshot(collection, tenant) as there:
                others = [point.id for point in there if point.id not in kept]
            self.delete(collection, tenant, others)

    def erase(self, tenant: TenantId) -> Mapping[str, int]:
        """Delete the tenant's points by its filter in every collection; return how many there were.

        A server keeps the bytes of deleted points until its optimizer rewrites the segment. Repeat
        it if it was interrupted, or if it raises `StoreError` because points are left.
        """
        checked_tenant(tenant)
        counts = {info.name: self._erase(info.name, tenant) for info in self.collections()}
        return {name: count for name, count in counts.items() if count}

    def close(self) -> None:
        """Close the client; closing twice is allowed."""
        with self._guard:
            if not self._closed:
                self._closed = True
                self._client.close()

    def _write(
        self,
        collection: str,
        tenant: TenantId,
        points: Sequence[StoredPoint],
        cipher: PayloadCipher | None,
    ) -> None:
        """Write points, sealed by ``cipher`` or as they are."""
        owned = self._owned(collection, tenant)
        dimension = self._info(collection).embedder.dimension
        records, _ = checked_records(tenant, points, dimension, cipher)
        structs = [
            models.PointStruct(id=str(id_), vector=vector, payload=payload)
            for id_, vector, payload in records
        ]
        for start in range(0, len(structs), _BATCH):
            batch = structs[start : start + _BATCH]
            with self._calling(collection):
                # The filter keeps a point of another tenant, planted under our id, as it is.
                self._client.upsert(collection, batch, wait=True, update_filter=owned)

    def _erase(self, collection: str, tenant: TenantId) -> int:
        before = self.count(collection, tenant)
        owned = models.FilterSelector(filter=self._owned(collection, tenant))
        with self._calling(collection):
            self._client.delete(collection, owned, wait=True)
        if left := self.count(collection, tenant):
            raise StoreError(
                f"collection '{collection}' still has {left} points of tenant '{tenant}': "
                "stop its writers and erase it again"
            )
        return before

    def _create(self, name: str, embedder: EmbedderIdentity) -> CollectionInfo:
        record = {"uid": uuid4().hex, **embedder.as_dict()}
        with self._calling(name):
            self._client.create_collection(
                name,
                vectors_config=models.VectorParams(
                    size=embedder.dimension, distance=models.Distance.COSINE
                ),
                hnsw_config=GRAPH_OF_EACH_TENANT,
                metadata={_METADATA: record},
            )
            if not self._local:
                self._client.create_payload_index(name, TENANT_KEY, tenant_index(), wait=True)
        return self.collection(name)

    def _index_access(self, collection: str) -> None:
        """Have the server index what access rules ask for; it keeps the indexes that it has."""
        uid = self._info(collection).uid
        if self._local or uid in self._access_indexed:
            return
        self._access_indexed.add(uid)
        try:
            with self._calling(collection):
                for key, kind in _ACCESS_INDEXES.items():
                    self._client.create_payload_index(collection, key, kind, wait=True)
        except StoreError as error:
            # With a key that may only read, rules hold all the same; queries are slower.
            _LOGGER.warning("collection '%s' has no access indexes: %s", collection, error)

    def _info(self, collection: str) -> CollectionInfo:
        """Return the collection's record, read once; a vanished collection is told by the call."""
        return self._infos.get(collection) or self.collection(collection)

    def _owned(self, collection: str, tenant: TenantId) -> models.Filter:
        """Check both names and that the collection exists; return the filter of the tenant."""
        owned = tenant_filter(tenant)
        self._info(collection)
        return owned

    def _page(
        self, collection: str, owned: models.Filter, offset: Any
    ) -> tuple[list[models.Record], Any]:
        with self._calling(collection):
            return self._client.scroll(
                collection,
                scroll_filter=owned,
                limit=_BATCH,
                offset=offset,
                with_payload=True,
                with_vectors=True,
            )

    def _scroll(
        self, collection: str, tenant: TenantId, owned: models.Filter
    ) -> Iterator[StoredPoint]:
        for page in self._pages(collection, owned):
            yield from self._restored(tenant, page)

    def _pages(self, collection: str, owned: models.Filter) -> Iterator[list[models.Record]]:
        offset: int | str | UUID | None = None
        while True:
            page, offset = self._page(collection, owned, offset)
            yield page
            if offset is None:
                return

    def _restored(
        self, tenant: TenantId, records: Sequence[models.Record | models.ScoredPoint]
    ) -> list[StoredPoint]:
        return to_points(tenant, _rows(records), self._cipher)

    @contextmanager
    def _calling(self, collection: str) -> Iterator[None]:
        """Serialise local mode, and turn what the client raises into `StoreError`."""
        if self._closed:
            raise StoreError("the store is closed: open it again")
        with self._guard:
            try:
                with translated(collection):
                    yield
            except StoreError:
                self._infos.pop(collection, None)
                raise


def _info(name: str, recorded: dict[str, Any]) -> CollectionInfo:
    try:
        embedder = EmbedderIdentity(model=recorded["model"], dimension=int(recorded["dimension"]))
        return CollectionInfo(name=name, uid=recorded["uid"], embedder=embedder)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"collection '{name}' has a damaged record of its model: ingest into a new collection"
        ) from error


def _narrowed(owned: models.Filter, ids: Sequence[str]) -> models.Filter:
    """Return the tenant's filter AND these ids."""
    return models.Filter(must=[owned, models.HasIdCondition(has_id=list(ids))])


def _rows(records: Sequence[models.Record | models.ScoredPoint]) -> list[Row]:
    return [(record.id, record.vector, record.payload) for record in records]


def _set_payload(owned: models.Filter, change: Resealed) -> models.SetPayloadOperation:
    """Return the operation for a point that is still as it was read."""
    must: list[models.Condition] = [owned, models.HasIdCondition(has_id=[change.point_id])]
    if change.was is not None:
        match = models.MatchValue(value=change.was)
        must.append(models.FieldCondition(key=change.field, match=match))
    return models.SetPayloadOperation(
        set_payload=models.SetPayload(payload=change.payload, filter=models.Filter(must=must))
    )
