"""What a tenant may know of a collection: that it exists, how it is set up, its own share."""

from __future__ import annotations

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ..client_calls import Steps, call
from .scope import TenantScope


def collection_exists(scope: TenantScope, collection_name: str) -> Steps[bool]:
    """Say whether the collection exists."""
    del scope
    exists: bool = yield call("collection_exists", collection_name)
    return exists


def get_collection(scope: TenantScope, collection_name: str) -> Steps[types.CollectionInfo]:
    """Describe the collection: its configuration, and counts of the tenant only."""
    info: types.CollectionInfo = yield call("get_collection", collection_name)
    owned = scope.filters.owned()
    own = yield call("count", collection_name, count_filter=owned, exact=True)
    return info.model_copy(
        update={
            "points_count": own.count,
            "indexed_vectors_count": None,
            "segments_count": 0,
            "payload_schema": {},
            "update_queue": None,
            "warnings": None,
            "optimizer_status": models.OptimizersStatusOneOf.OK,
            "config": info.config.model_copy(update={"metadata": None}),
        }
    )
