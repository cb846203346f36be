"""The shard of every call: chosen by the guard for the tenant, never by a caller.

- INVARIANT: with shards set, each call that reads or writes points carries the tenant's selector,
  within batches as well; a method that is not listed here is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel
from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import IsolationError
from ..client_calls import ClientCall
from .hooks import Shards

M = TypeVar("M", bound=BaseModel)

_WHOLE_COLLECTION = frozenset({"collection_exists", "get_collection"})
_BATCHES = frozenset({"query_batch_points", "batch_update_points"})
_READS = frozenset(
    {"retrieve", "scroll", "count", "facet", "query_points", "query_points_groups"}
    | {"search_matrix_pairs", "search_matrix_offsets"}
)
_WRITES = frozenset(
    {"upsert", "upload_points", "delete", "update_vectors", "delete_vectors"}
    | {"set_payload", "overwrite_payload", "delete_payload", "clear_payload"}
)


def placed(shards: Shards | None, tenant: str, asked: ClientCall) -> ClientCall:
    """Return the call with the tenant's shard selector, where its collection has such shards."""
    if shards is None or asked.method in _WHOLE_COLLECTION:
        return asked
    collection, *rest = asked.args
    selector = shards.selector(tenant, collection)
    if selector is None:
        return asked
    if asked.method in _BATCHES:
        batch, *more = rest
        return replace(asked, args=(collection, _all_placed(batch, selector), *more))
    if asked.method not in _READS | _WRITES:
        raise IsolationError(f"{asked.method} refused: it is not known how it chooses a shard")
    return replace(asked, kwargs={**asked.kwargs, "shard_key_selector": selector})


def _all_placed(
    batch: Sequence[models.QueryRequest | models.UpdateOperation], selector: types.ShardKeySelector
) -> list[BaseModel]:
    return [
        _with_key(each, selector)
        if isinstance(each, models.QueryRequest)
        else _operation(each, selector)
        for each in batch
    ]


def _operation(operation: models.UpdateOperation, selector: types.ShardKeySelector) -> BaseModel:
    """Return the operation with the selector in its one field, which holds what it does."""
    (name,) = type(operation).model_fields
    inner = _with_key(getattr(operation, name), selector)
    return operation.model_copy(update={name: inner})


def _with_key(model: M, selector: types.ShardKeySelector) -> M:
    return model.model_copy(update={"shard_key": selector})
