"""Changes to the payloads of a tenant's points; the guard's own keys stay as they are.

- INVARIANT: no change names the tenant's or the id's key, and none takes them away: an overwrite
  and a clear write them again, point by point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import IsolationError
from ..client_calls import Steps, call
from .filters import refuse_shard_key
from .keys import reserved, root_of
from .operations import PerPoint, WriteOptions
from .points import refuse_own_labels, sealed_payload, stamped_payload
from .scope import TenantScope
from .selectors import Chosen, chosen_points


def set_payload(
    scope: TenantScope,
    collection_name: str,
    payload: types.Payload,
    points: types.PointsSelector,
    key: str | None = None,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Set payload keys of those of the chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    chosen = chosen_points(points)
    planned = setting(scope, payload, chosen, key)
    if planned is not None:
        options = WriteOptions(wait=wait, ordering=ordering, timeout=timeout)
        return (yield from planned.applied(scope, collection_name, options))
    done: types.UpdateResult = yield call(
        "set_payload",
        collection_name,
        dict(payload),
        chosen.selector(scope.filters),
        key=key,
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def overwrite_payload(
    scope: TenantScope,
    collection_name: str,
    payload: types.Payload,
    points: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Replace the payload of those of the chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    planned = overwriting(scope, payload, chosen_points(points))
    options = WriteOptions(wait=wait, ordering=ordering, timeout=timeout)
    return (yield from planned.applied(scope, collection_name, options))


def clear_payload(
    scope: TenantScope,
    collection_name: str,
    points_selector: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Take every payload key but the guard's from those chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    planned = overwriting(scope, {}, chosen_points(points_selector))
    options = WriteOptions(wait=wait, ordering=ordering, timeout=timeout)
    return (yield from planned.applied(scope, collection_name, options))


def delete_payload(
    scope: TenantScope,
    collection_name: str,
    keys: Sequence[str],
    points: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    shard_key_selector: types.ShardKeySelector | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Take payload keys from those of the chosen points that are the tenant's."""
    refuse_shard_key(shard_key_selector)
    refuse_guard_keys(keys)
    done: types.UpdateResult = yield call(
        "delete_payload",
        collection_name,
        list(keys),
        chosen_points(points).selector(scope.filters),
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def setting(
    scope: TenantScope, payload: Mapping[str, Any], chosen: Chosen, key: str | None
) -> PerPoint | None:
    """Check a payload that is to be set; return its operations if they differ by point."""
    refuse_guard_keys(payload if key is None else [key])
    cipher = scope.cipher
    if cipher is None:
        return None
    if key is not None:
        cipher.refuse_keys([key], "set_payload")
        return None
    if not {field.split(".")[0] for field in cipher.fields} & payload.keys():
        return None

    def made_for(id_: object, _: object) -> models.UpdateOperation:
        sealed = sealed_payload(scope, id_, payload)
        owned = scope.filters.owned(ids=[id_], changing=True)
        return models.SetPayloadOperation(
            set_payload=models.SetPayload(payload=sealed, filter=owned)
        )

    return PerPoint(chosen, made_for)


def overwriting(scope: TenantScope, payload: Mapping[str, Any], chosen: Chosen) -> PerPoint:
    """Check a payload that is to replace another; return its operations, one for each point."""
    refuse_own_labels(scope, payload)

    def made_for(id_: object, stored: Mapping[str, Any] | None) -> models.UpdateOperation:
        stamped = stamped_payload(scope, id_, payload, stored)
        owned = scope.filters.owned(ids=[id_], changing=True)
        return models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload=stamped, filter=owned)
        )

    return PerPoint(chosen, made_for)


def refuse_guard_keys(keys: Iterable[object]) -> None:
    """Raise `IsolationError` if a write names a key of the guard, or none at all."""
    for key in [keys] if isinstance(keys, str) else keys:
        if not isinstance(key, str) or not root_of(key) or reserved(key):
            raise IsolationError(
                "payload key refused: it is empty or one that the guard sets itself, "
                "and that cannot be changed"
            )
