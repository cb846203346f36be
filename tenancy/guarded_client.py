"""A Qdrant client that can only see and change one tenant's points.

>>> from qdrant_client import QdrantClient, models
>>> from ragbastion.tenancy import operator_context
>>> client = QdrantClient(":memory:")
>>> size = models.VectorParams(size=2, distance=models.Distance.COSINE)
>>> client.create_collection("docs", vectors_config=size)
True
>>> for name in ("acme", "globex"):
...     guarded = GuardedQdrantClient(client, operator_context(tenant=name, principal="app"))
...     point = models.PointStruct(id=1, vector=[1.0, 0.0], payload={"text": f"of {name}"})
...     done = guarded.upsert("docs", [point])
>>> [(hit.id, hit.payload["text"]) for hit in guarded.query_points("docs", [1.0, 0.0]).points]
[(1, 'of globex')]
>>> guarded.count("docs").count
1

- INVARIANT: each method passes the tenant's filter and ids to the client (`guarded_filters`,
  `guarded_queries`), and each point that comes back is checked (`guarded_points`).
- INVARIANT: a name of the client that is not a method here is refused (`guarded_methods`).

It holds callers that go through it; code in the same process can always reach around an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn

from ..core.errors import IsolationError, MissingExtraError, UsageError
from ..core.events import EventSink, LoggingEventSink
from .context import TenantContext

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.conversions import common_types as types

    from .guarded_filters import TenantFilters, reserved
    from .guarded_points import PayloadSelection, stamped_points
    from .guarded_queries import QueryRewriter
    from .tenant_guard import RefusedNameError, TenantGuard
except ImportError as missing:
    raise MissingExtraError(
        "the guarded client needs qdrant-client: pip install 'ragbastion[qdrant]'"
    ) from missing


class GuardedQdrantClient:
    """Wraps a client for one context; same signatures and return types as ``QdrantClient``.

    Ids that callers use are theirs: two tenants may both have a point 1. A refusal raises
    `IsolationError` and is reported to ``events``. Each method raises `CredentialError` when the
    context has expired. The client stays the caller's to close.
    """

    def __init__(
        self, client: QdrantClient, context: TenantContext, events: EventSink | None = None
    ) -> None:
        self._guard = TenantGuard(context, events or LoggingEventSink())
        self._guarded = client
        self._filters = TenantFilters(context.tenant)

    def upsert(
        self,
        collection_name: str,
        points: models.Batch | Sequence[models.PointStruct],
        wait: bool = True,
        ordering: models.WriteOrdering | None = None,
        shard_key_selector: None = None,
        update_filter: models.Filter | None = None,
        update_mode: models.UpdateMode | None = None,
        timeout: int | None = None,
    ) -> models.UpdateResult:
        """Write points of the tenant; a payload that names another tenant is refused."""
        with self._guard.calling("upsert", collection_name, shard_key_selector):
            return self._guarded.upsert(
                collection_name,
                stamped_points(self._filters, points),
                wait=wait,
                ordering=ordering,
                # A foreign point planted under one of the tenant's ids stays as it is.
                update_filter=self._filters.owned(update_filter),
                update_mode=update_mode,
                timeout=timeout,
            )

    def upload_points(
        self,
        collection_name: str,
        points: Iterable[models.PointStruct],
        batch_size: int = 64,
        parallel: int = 1,
        method: str | None = None,
        max_retries: int = 3,
        wait: bool = False,
        shard_key_selector: None = None,
        update_filter: models.Filter | None = None,
        update_mode: models.UpdateMode | None = None,
    ) -> None:
        """Write points in batches, one after the other: ``parallel`` and ``method`` do nothing."""
        del parallel, method, max_retries
        if batch_size < 1:
            raise UsageError("upload refused: batch_size must be at least 1")
        remaining = iter(points)
        while batch := list(islice(remaining, batch_size)):
            self.upsert(
                collection_name,
                batch,
                wait=wait,
                shard_key_selector=shard_key_selector,
                update_filter=update_filter,
                update_mode=update_mode,
            )

    def query_points(
        self,
        collection_name: str,
        query: Any = None,
        using: str | None = None,
        prefetch: models.Prefetch | list[models.Prefetch] | None = None,
        query_filter: models.Filter | None = None,
        search_params: models.SearchParams | None = None,
        limit: int = 10,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: bool | list[str] = False,
        score_threshold: float | None = None,
        lookup_from: None = None,
        consistency: Any = None,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> types.QueryResponse:
        """Search the tenant's points; an id in a query must be one of the tenant's."""
        request = models.QueryRequest.model_construct(
            query=query,
            using=using,
            prefetch=prefetch,
            filter=query_filter,
            lookup_from=lookup_from,
        )
        with self._guard.calling("query_points", collection_name, shard_key_selector):
            confined = self._rewriter(collection_name).rewritten(request)
            selection = PayloadSelection(with_payload)
            response = self._guarded.query_points(
                collection_name,
                query=confined.query,
                using=using,
                prefetch=confined.prefetch,
                query_filter=confined.filter,
                search_params=search_params,
                limit=limit,
                offset=offset,
                with_payload=selection.widened,
                with_vectors=with_vectors,
                score_threshold=score_threshold,
                consistency=consistency,
                timeout=timeout,
            )
            return self._restored(response, selection)

    def query_batch_points(
        self,
        collection_name: str,
        requests: Sequence[models.QueryRequest],
        consistency: Any = None,
        timeout: int | None = None,
    ) -> list[types.QueryResponse]:
        """Search the tenant's points with several requests, each confined by itself."""
        with self._guard.calling("query_batch_points", collection_name):
            rewriter = self._rewriter(collection_name)
            selections = [PayloadSelection(request.with_payload) for request in requests]
            confined = [
                rewriter.rewritten(request).model_copy(update={"with_payload": selected.widened})
                for request, selected in zip(requests, selections, strict=True)
            ]
            responses = self._guarded.query_batch_points(
                collection_name, confined, consistency=consistency, timeout=timeout
            )
            return [
                self._restored(response, selected)
                for response, selected in zip(responses, selections, strict=True)
            ]

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[Any],
        with_payload: Any = True,
        with_vectors: bool | Sequence[str] = False,
        consistency: Any = None,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> list[models.Record]:
        """Return those of the ids that are the tenant's, in the order asked for, each once."""
        with self._guard.calling("retrieve", collection_name, shard_key_selector):
            wanted = list(dict.fromkeys(self._filters.stored_id(id_) for id_ in ids))
            if not wanted:
                return []
            selection = PayloadSelection(with_payload)
            found, _ = self._guarded.scroll(
                collection_name,
                scroll_filter=self._filters.owned(ids=ids),
                limit=len(wanted),
                with_payload=selection.widened,
                with_vectors=_listed(with_vectors),
                consistency=consistency,
                timeout=timeout,
            )
            by_id = {str(each.id): selection.restored(self._filters, each) for each in found}
            return [by_id[id_] for id_ in wanted if id_ in by_id]

    def scroll(
        self,
        collection_name: str,
        scroll_filter: models.Filter | None = None,
        limit: int = 10,
        order_by: str | models.OrderBy | None = None,
        offset: Any = None,
        with_payload: Any = True,
        with_vectors: bool | Sequence[str] = False,
        consistency: Any = None,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> tuple[list[models.Record], int | str | None]:
        """Page through the tenant's points in the order of stored ids, not of the caller's.

        ``offset`` is what the last page returned, or any id of the tenant.
        """
        with self._guard.calling("scroll", collection_name, shard_key_selector):
            selection = PayloadSelection(with_payload)
            page, following = self._guarded.scroll(
                collection_name,
                scroll_filter=self._filters.owned(scroll_filter),
                limit=limit,
                order_by=order_by,
                offset=None if offset is None else self._filters.stored_id(offset),
                with_payload=selection.widened,
                with_vectors=_listed(with_vectors),
                consistency=consistency,
                timeout=timeout,
            )
            shown = [selection.restored(self._filters, each) for each in page]
            return shown, self._caller_offset(collection_name, following)

    def count(
        self,
        collection_name: str,
        count_filter: models.Filter | None = None,
        exact: bool = True,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> models.CountResult:
        """Count the tenant's points."""
        with self._guard.calling("count", collection_name, shard_key_selector):
            owned = self._filters.owned(count_filter)
            return self._guarded.count(
                collection_name, count_filter=owned, exact=exact, timeout=timeout
            )

    def delete(
        self,
        collection_name: str,
        points_selector: Any,
        wait: bool = True,
        ordering: models.WriteOrdering | None = None,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> models.UpdateResult:
        """Delete those of the chosen points that are the tenant's."""
        with self._guard.calling("delete", collection_name, shard_key_selector):
            return self._guarded.delete(
                collection_name,
                self._filters.selector(points_selector),
                wait=wait,
                ordering=ordering,
                timeout=timeout,
            )

    def set_payload(
        self,
        collection_name: str,
        payload: Mapping[str, Any],
        points: Any,
        key: str | None = None,
        wait: bool = True,
        ordering: models.WriteOrdering | None = None,
        shard_key_selector: None = None,
        timeout: int | None = None,
    ) -> models.UpdateResult:
        """Set payload keys of those of the chosen points that are the tenant's."""
        with self._guard.calling("set_payload", collection_name, shard_key_selector):
            _refuse_reserved([key] if key is not None else payload)
            return self._guarded.set_payload(
                collection_name,
                dict(payload),
                self._filters.selector(points),
                key=key,
                wait=wait,
                ordering=ordering,
                timeout=timeout,
            )

    def collection_exists(self, collection_name: str) -> bool:
        """Say whether the collection exists."""
        with self._guard.calling("collection_exists", collection_name):
            return self._guarded.collection_exists(collection_name)

    def get_collection(self, collection_name: str) -> models.CollectionInfo:
        """Describe the collection: its configuration, and counts of the tenant only."""
        with self._guard.calling("get_collection", collection_name):
            info = self._guarded.get_collection(collection_name)
            own = self._guarded.count(collection_name, count_filter=self._filters.owned())
            return info.model_copy(
                update={
                    "points_count": own.count,
                    "indexed_vectors_count": None,
                    "segments_count": 0,
                    "payload_schema": {},
                    "update_queue": None,
                    "warnings": None,
                    "config": info.config.model_copy(update={"metadata": None}),
                }
            )

    def close(self, grpc_grace: float | None = None) -> None:
        """End this guard; the client is shared with other tenants and stays open."""
        del grpc_grace
        self._guard.close()

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse every name of the client that is not a method here."""
        if name.startswith("_"):  # copying asks for these before there is a guard
            raise RefusedNameError(f"GuardedQdrantClient has no '{name}'")
        raise self._guard.refusal(name)

    def _rewriter(self, collection: str) -> QueryRewriter:
        def lookup(id_: object, using: str | None) -> Any:
            return self._own_vector(collection, id_, using)

        return QueryRewriter(self._filters, lookup)

    def _own_vector(self, collection: str, id_: object, using: str | None) -> Any:
        """Return the vector of the tenant's point; a foreign id and a missing one look alike."""
        found = self.retrieve(collection, [id_], with_payload=False, with_vectors=True)
        vectors = found[0].vector if found else None
        vector = vectors.get(using or "") if isinstance(vectors, dict) else vectors
        if vector is None:
            raise UsageError(f"point '{id_}' cannot be queried by: it does not exist")
        return vector

    def _caller_offset(self, collection: str, stored: object) -> int | str | None:
        """Return the caller's id of the stored id that the next page starts at."""
        if stored is None:
            return None
        selection = PayloadSelection(False)
        (record,) = self._guarded.retrieve(collection, [str(stored)], selection.widened)
        return selection.restored(self._filters, record).id  # type: ignore[return-value]

    def _restored(
        self, response: types.QueryResponse, selection: PayloadSelection
    ) -> types.QueryResponse:
        points = [selection.restored(self._filters, point) for point in response.points]
        return response.model_copy(update={"points": points})


def _listed(names: bool | Sequence[str]) -> bool | list[str]:
    return names if isinstance(names, bool) else list(names)


def _refuse_reserved(keys: Iterable[str]) -> None:
    for key in keys:
        if not key or reserved(key):
            raise IsolationError(
                f"payload key '{key}' refused: the guard sets it itself and it cannot be changed"
            )
