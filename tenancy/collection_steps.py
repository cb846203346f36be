"""The steps behind `collections`: what is asked of the client, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from qdrant_client import models

from ..core.errors import IsolationError, RagbastionError, StoreError, UsageError
from ..core.events import Event, EventSink, LoggingEventSink
from .access_labels import CLASSIFICATION, DELETED_AT, DEPARTMENT, GROUPS, OWNER, USERS
from .client_calls import R, Steps, call
from .collection_names import named_for_a_tenant
from .names import checked_collection
from .point_identity import TENANT_KEY
from .qdrant_errors import translated
from .tenant_filter import GRAPH_OF_EACH_TENANT, tenant_index

VectorsConfig: TypeAlias = models.VectorParams | Mapping[str, models.VectorParams]

_METADATA = "ragbastion_tenancy"
_INDEXED_TEXTS = (OWNER, USERS, GROUPS, DEPARTMENT)


class TenancyMode(StrEnum):
    """How tenants lie in collections."""

    SHARED = "shared"
    """Many tenants in one collection, each with its own graph and payload index."""
    PER_TENANT = "per_tenant"
    """A collection of its own for one tenant; for few tenants, or for those who must have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSharding:
    """Custom sharding: small tenants share the fallback shard, large ones are promoted.

    ``fallback`` is the shard key of the shared shard; ``shards`` and ``replicas`` are how many it
    has, None for the server's default. For servers only.
    """

    fallback: str = "shared"
    shards: int | None = None
    replicas: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOptions:
    """What a new collection has beyond its vectors.

    ``access_labels`` adds the payload indexes that document-level access filters by. ``extra`` goes
    to ``create_collection`` as it is, for example ``quantization_config``; what the mode decides
    cannot be in it.
    """

    sparse_vectors_config: Mapping[str, models.SparseVectorParams] | None = None
    sharding: TenantSharding | None = None
    access_labels: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCollection:
    """A collection that is fit for tenants.

    ``indexed`` and ``own_graphs`` say whether each tenant has its part of the payload index and a
    graph of its own; None on local mode, which has neither and cannot tell. A graph over all
    tenants is correct with the filter, and its timing depends on other tenants' points.
    """

    name: str
    mode: TenancyMode
    indexed: bool | None
    own_graphs: bool | None
    sharded: bool


def creating(
    name: str,
    vectors_config: VectorsConfig,
    mode: TenancyMode,
    options: CollectionOptions,
    local: bool,
) -> Steps[TenantCollection]:
    """Create the collection, or check the one that exists."""
    mode = _checked_mode(name, mode)
    _refuse_shared_idf(name, mode, options.sparse_vectors_config)
    arguments = _arguments(mode, options, local)
    with translated(name):
        exists = yield call("collection_exists", name)
    if exists:
        return (yield from _checking_same(name, mode, vectors_config, local))
    with translated(name):
        yield call("create_collection", name, vectors_config=vectors_config, **arguments)
        if not local:
            yield from _indexing(name, mode, options)
        if options.sharding is not None:
            yield call(
                "create_shard_key",
                name,
                options.sharding.fallback,
                shards_number=options.sharding.shards,
                replication_factor=options.sharding.replicas,
            )
    return (yield from checking(name, mode, local))


def checking(name: str, mode: TenancyMode, local: bool) -> Steps[TenantCollection]:
    """Return what the collection is, or raise."""
    mode = _checked_mode(name, mode)
    with translated(name):
        info = yield call("get_collection", name)
    return _checked(name, mode, info, local)


def reported(steps: Steps[R], name: object, outcome: str, events: EventSink | None) -> Steps[R]:
    """Run the steps, and report how they ended."""
    sink = events or LoggingEventSink()
    subject = name if isinstance(name, str) and len(name) <= 128 else ""
    try:
        done = yield from steps
    except RagbastionError as error:
        detail = {"reason": str(error)}
        sink.emit(_event(subject, "refused", detail))
        raise
    sink.emit(_event(subject, outcome, {}))
    return done


def _event(subject: str, outcome: str, detail: Mapping[str, Any]) -> Event:
    return Event(
        kind="tenancy.collection", tenant="", subject=subject, outcome=outcome, detail=detail
    )


def _checked_mode(name: str, mode: object) -> TenancyMode:
    checked_collection(name)
    if not isinstance(mode, TenancyMode):
        raise UsageError("collection refused: mode must be a TenancyMode")
    if named_for_a_tenant(name) is not (mode is TenancyMode.PER_TENANT):
        raise UsageError(
            f"collection '{name}' refused: a name that TenantNames.collection gives is for one "
            "tenant's own collection, and such a collection has no other name"
        )
    return mode


def _refuse_shared_idf(
    name: str,
    mode: TenancyMode,
    sparse: Mapping[str, models.SparseVectorParams] | None,
) -> None:
    for vector, params in (sparse or {}).items():
        if mode is TenancyMode.SHARED and params.modifier == models.Modifier.IDF:
            raise IsolationError(
                f"collection '{name}' refused: sparse vector '{vector}' has the IDF modifier, "
                "which would count terms over all tenants; leave the modifier out and weight "
                "queries with TenantSparseStatistics, or give each tenant a collection"
            )


def _arguments(mode: TenancyMode, options: CollectionOptions, local: bool) -> dict[str, Any]:
    """Return the arguments of ``create_collection`` beside name and vectors."""
    arguments: dict[str, Any] = {"metadata": {_METADATA: {"mode": mode.value}}}
    if mode is TenancyMode.SHARED:
        arguments["hnsw_config"] = GRAPH_OF_EACH_TENANT
    if options.sparse_vectors_config is not None:
        arguments["sparse_vectors_config"] = dict(options.sparse_vectors_config)
    if options.sharding is not None:
        _check_sharding(mode, local)
        arguments["sharding_method"] = models.ShardingMethod.CUSTOM
    extra = dict(options.extra)
    metadata = extra.pop("metadata", {})
    if not extra.keys().isdisjoint({*arguments, "vectors_config", "sharding_method"}):
        raise UsageError("collection refused: options.extra names what the mode decides")
    arguments["metadata"] = {**metadata, **arguments["metadata"]}
    return {**extra, **arguments}


def _check_sharding(mode: TenancyMode, local: bool) -> None:
    if mode is TenancyMode.PER_TENANT:
        raise UsageError("sharding by tenant refused: the collection has one tenant only")
    if local:
        raise UsageError("sharding refused: local mode has no shards, use a Qdrant server")


def _indexing(name: str, mode: TenancyMode, options: CollectionOptions) -> Steps[None]:
    """Create the payload indexes; the tenant's first, since graphs are built along it."""
    kind = models.KeywordIndexType.KEYWORD
    tenant = tenant_index(shared=mode is TenancyMode.SHARED)
    yield call("create_payload_index", name, TENANT_KEY, tenant, wait=True)
    if not options.access_labels:
        return
    # No graphs along labels: they would multiply the index, and the tenant's is small. The first
    # versions of the client that this package takes do not know the switch.
    plain = models.KeywordIndexParams(type=kind)
    if "enable_hnsw" in models.KeywordIndexParams.model_fields:
        plain = models.KeywordIndexParams(type=kind, enable_hnsw=False)
    for key in _INDEXED_TEXTS:
        yield call("create_payload_index", name, key, plain, wait=True)
    yield call(
        "create_payload_index", name, CLASSIFICATION, models.PayloadSchemaType.INTEGER, wait=True
    )
    yield call("create_payload_index", name, DELETED_AT, models.PayloadSchemaType.FLOAT, wait=True)


def _checking_same(
    name: str, mode: TenancyMode, vectors_config: VectorsConfig, local: bool
) -> Steps[TenantCollection]:
    with translated(name):
        info = yield call("get_collection", name)
    if _shapes(info.config.params.vectors) != _shapes(vectors_config):
        raise StoreError(
            f"collection '{name}' refused: it exists with other vectors; use another name"
        )
    return _checked(name, mode, info, local)


def _shapes(vectors: object) -> dict[str, tuple[int, models.Distance]]:
    named = vectors if isinstance(vectors, Mapping) else {"": vectors}
    return {
        name: (params.size, params.distance)
        for name, params in named.items()
        if isinstance(params, models.VectorParams)
    }


def _checked(
    name: str, mode: TenancyMode, info: models.CollectionInfo, local: bool
) -> TenantCollection:
    config = info.config
    _refuse_shared_idf(name, mode, config.params.sparse_vectors)
    recorded = (config.metadata or {}).get(_METADATA)
    made_for = recorded.get("mode") if isinstance(recorded, dict) else None
    if made_for is not None and made_for != mode.value:
        raise StoreError(f"collection '{name}' refused: it was made for mode '{made_for}'")
    if mode is TenancyMode.PER_TENANT and made_for is None:
        raise StoreError(
            f"collection '{name}' refused: it was not made for one tenant; create it with "
            "create_tenant_collection"
        )
    indexed = None if local else _has_tenant_index(info)
    if indexed is False and mode is TenancyMode.SHARED:
        raise StoreError(
            f"collection '{name}' refused: payload key '{TENANT_KEY}' has no keyword index with "
            "is_tenant=True; create that index, or the collection with create_tenant_collection"
        )
    graph = config.hnsw_config
    return TenantCollection(
        name=name,
        mode=mode,
        indexed=indexed,
        own_graphs=None if local else graph.m == 0 and bool(graph.payload_m),
        sharded=config.params.sharding_method == models.ShardingMethod.CUSTOM,
    )


def _has_tenant_index(info: models.CollectionInfo) -> bool:
    index = (info.payload_schema or {}).get(TENANT_KEY)
    params = None if index is None else index.params
    return isinstance(params, models.KeywordIndexParams) and params.is_tenant is True
