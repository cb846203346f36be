"""Uploads in batches: points, and columns of vectors, payloads and ids.

Points are stamped while the client takes them, so a stream of any length passes; one that is
refused ends the upload, and batches sent before it stay. With quotas or access the stream is read
first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from typing import Any
from uuid import uuid4

import numpy as np
from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import UsageError
from ..client_calls import Steps, call
from .filters import refuse_shard_key
from .points import stamped_point
from .scope import TenantScope
from .writing import prepared, room_for


def upload_points(
    scope: TenantScope,
    collection_name: str,
    points: Iterable[types.PointStruct],
    batch_size: int = 64,
    parallel: int = 1,
    method: str | None = None,
    max_retries: int = 3,
    wait: bool = False,
    shard_key_selector: types.ShardKeySelector | None = None,
    update_filter: types.Filter | None = None,
    update_mode: types.UpdateMode | None = None,
) -> Steps[None]:
    """Write the tenant's points in batches."""
    refuse_shard_key(shard_key_selector)
    if batch_size < 1:
        raise UsageError("upload refused: batch_size must be at least 1")
    owned = scope.filters.owned(update_filter, changing=True)
    stamped: Iterable[models.PointStruct] = (stamped_point(scope, point) for point in points)
    room: AbstractContextManager[object] = nullcontext()
    if scope.quotas is not None or scope.access is not None:
        stamped = yield from prepared(scope, collection_name, list(points))
        room = yield from room_for(scope, collection_name, stamped)
    with room:
        yield call(
            "upload_points",
            collection_name,
            stamped,
            batch_size=batch_size,
            parallel=parallel,
            method=method,
            max_retries=max_retries,
            wait=wait or scope.quotas is not None,
            update_filter=owned,
            update_mode=update_mode,
        )


def upload_collection(
    scope: TenantScope,
    collection_name: str,
    vectors: Iterable[types.VectorStruct] | dict[str, types.NumpyArray] | types.NumpyArray,
    payload: Iterable[dict[Any, Any]] | None = None,
    ids: Iterable[types.PointId] | None = None,
    batch_size: int = 64,
    parallel: int = 1,
    method: str | None = None,
    max_retries: int = 3,
    wait: bool = False,
    shard_key_selector: types.ShardKeySelector | None = None,
    update_filter: types.Filter | None = None,
    update_mode: types.UpdateMode | None = None,
) -> Steps[None]:
    """Write the tenant's points from columns, as points; ids are made where none are given."""
    yield from upload_points(
        scope,
        collection_name,
        _points(vectors, payload, ids),
        batch_size,
        parallel,
        method,
        max_retries,
        wait,
        shard_key_selector,
        update_filter,
        update_mode,
    )


def _points(
    vectors: Any, payload: Iterable[dict[Any, Any]] | None, ids: Iterable[types.PointId] | None
) -> Iterator[models.PointStruct]:
    rows = _rows(vectors)
    size = len(rows) if isinstance(rows, list | tuple | np.ndarray) else None
    payloads = repeat({}) if payload is None else _at_least(payload, size, "payload")
    named = _new_ids() if ids is None else _at_least(ids, size, "ids")
    for vector, id_, each in zip(rows, named, payloads, strict=False):
        listed = vector.tolist() if isinstance(vector, np.ndarray) else vector
        # pydantic is not asked to look at ids: the stamp does, and says which are refused.
        yield models.PointStruct.model_construct(id=id_, vector=listed, payload=each)


def _rows(vectors: Any) -> Any:
    if not isinstance(vectors, dict):
        return vectors
    columns = list(vectors.values())
    if not all(isinstance(column, np.ndarray) for column in columns):
        raise UsageError("upload refused: named vectors in columns must be arrays")
    if len({len(column) for column in columns}) > 1:
        raise UsageError("upload refused: named vectors differ in number")
    names = list(vectors)
    rows = zip(*columns, strict=True)
    return [dict(zip(names, (each.tolist() for each in row), strict=True)) for row in rows]


def _at_least(items: Iterable[Any], size: int | None, name: str) -> Iterator[Any]:
    """Yield the items; raise if they end before ``size`` vectors, where that is known."""
    given = 0
    for item in items:
        yield item
        given += 1
    if size is not None and given < size:
        raise UsageError(f"upload refused: there are fewer {name} than vectors")


def _new_ids() -> Iterator[str]:
    while True:
        yield str(uuid4())
