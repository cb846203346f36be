"""Several writes in one call: each is confined as its own method would, and all before the first.

Operations that can be sent as they come are sent together; one that must look points up first waits
for those before it. What a `DocumentAccess` refuses, it refuses when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import IsolationError
from ..client_calls import Steps
from .filters import refuse_shard_key
from .known_fields import refuse_unknown_fields
from .operations import PerPoint, WriteOptions, nothing_done, sent
from .payloads import overwriting, refuse_guard_keys, setting
from .points import listed_points, stamped_point
from .scope import TenantScope
from .selectors import Chosen, chosen_by_operation, chosen_points
from .vectors import confined_vectors, update_vectors
from .writing import room_for, upsert

Later: TypeAlias = Callable[[WriteOptions], Steps[types.UpdateResult]]
"""An operation that makes calls of its own."""


@dataclass(slots=True)
class _Plan:
    """A caller's operations, confined: each a list to be sent, or something that makes calls."""

    steps: list[list[models.UpdateOperation] | Later] = field(default_factory=list)
    new_points: list[models.PointStruct] = field(default_factory=list)


def batch_update_points(
    scope: TenantScope,
    collection_name: str,
    update_operations: Sequence[types.UpdateOperation],
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    timeout: int | None = None,
) -> Steps[list[types.UpdateResult]]:
    """Apply the operations to the tenant's points; one that is refused refuses all."""
    plan = _Plan()
    for operation in update_operations:
        plan.steps.append(_planned(scope, collection_name, operation, plan))
    reserved = scope.quotas is not None and bool(plan.new_points)
    options = WriteOptions(wait=wait or reserved, ordering=ordering, timeout=timeout)
    with (yield from room_for(scope, collection_name, plan.new_points)):
        return (yield from _applied(collection_name, plan, options))


def _applied(
    collection: str, plan: _Plan, options: WriteOptions
) -> Steps[list[types.UpdateResult]]:
    results: list[types.UpdateResult] = []
    together: list[list[models.UpdateOperation]] = []
    for step in plan.steps:
        if isinstance(step, list):
            together.append(step)
            continue
        # What is looked up next must see what was written.
        results += yield from _sent_together(collection, together, replace(options, wait=True))
        together = []
        results.append((yield from step(options)))
    results += yield from _sent_together(collection, together, options)
    return results


def _sent_together(
    collection: str, together: list[list[models.UpdateOperation]], options: WriteOptions
) -> Steps[list[types.UpdateResult]]:
    """Send the operations in one call and return one result for each list of them."""
    flat = [operation for step in together for operation in step]
    answers = iter((yield from sent(collection, flat, options)))
    results = []
    for step in together:
        own = [next(answers) for _ in step]
        results.append(own[-1] if own else nothing_done())
    return results


def _planned(
    scope: TenantScope, collection: str, operation: object, plan: _Plan
) -> list[models.UpdateOperation] | Later:
    filters = scope.filters
    if isinstance(operation, models.UpsertOperation):
        return _upsert(scope, collection, operation.upsert, plan)
    if isinstance(operation, models.DeleteOperation):
        selector = chosen_points(operation.delete).selector(filters)
        return [models.DeleteOperation(delete=selector)]
    if isinstance(operation, models.SetPayloadOperation):
        return _set_payload(scope, collection, operation.set_payload)
    if isinstance(operation, models.OverwritePayloadOperation):
        given = operation.overwrite_payload
        per_point = overwriting(scope, given.payload, chosen_by_operation(given))
        return _per_point(scope, collection, per_point)
    if isinstance(operation, models.ClearPayloadOperation):
        per_point = overwriting(scope, {}, chosen_points(operation.clear_payload))
        return _per_point(scope, collection, per_point)
    if isinstance(operation, models.DeletePayloadOperation):
        deleted = operation.delete_payload
        owned = chosen_by_operation(deleted).owned(filters)
        refuse_guard_keys(deleted.keys)
        kept = models.DeletePayload(keys=deleted.keys, filter=owned)
        return [models.DeletePayloadOperation(delete_payload=kept)]
    if isinstance(operation, models.DeleteVectorsOperation):
        named = operation.delete_vectors
        owned = chosen_by_operation(named).owned(filters)
        vectors = models.DeleteVectors(vector=named.vector, filter=owned)
        return [models.DeleteVectorsOperation(delete_vectors=vectors)]
    if isinstance(operation, models.UpdateVectorsOperation):
        return _update_vectors(scope, collection, operation.update_vectors)
    raise IsolationError(f"operation of type {type(operation).__name__} refused: it is not known")


def _upsert(
    scope: TenantScope,
    collection: str,
    given: models.PointsList | models.PointsBatch,
    plan: _Plan,
) -> list[models.UpdateOperation] | Later:
    refuse_unknown_fields(given)
    refuse_shard_key(given.shard_key)
    owned = scope.filters.owned(given.update_filter, changing=True)
    points = listed_points(given.batch if isinstance(given, models.PointsBatch) else given.points)
    if scope.access is not None:
        return lambda options: upsert(
            scope,
            collection,
            points,  # type: ignore[arg-type]  # upsert looks at each of them
            options.wait,
            options.ordering,
            update_filter=given.update_filter,
            update_mode=given.update_mode,
            timeout=options.timeout,
        )
    stamped = [stamped_point(scope, point) for point in points]
    if given.update_mode != models.UpdateMode.UPDATE_ONLY:
        plan.new_points += stamped
    upserted = models.PointsList(points=stamped, update_filter=owned, update_mode=given.update_mode)
    return [models.UpsertOperation(upsert=upserted)]


def _set_payload(
    scope: TenantScope, collection: str, given: models.SetPayload
) -> list[models.UpdateOperation] | Later:
    chosen: Chosen = chosen_by_operation(given)
    per_point = setting(scope, given.payload, chosen, given.key)
    if per_point is not None:
        return _per_point(scope, collection, per_point)
    owned = chosen.owned(scope.filters)
    kept = models.SetPayload(payload=given.payload, filter=owned, key=given.key)
    return [models.SetPayloadOperation(set_payload=kept)]


def _per_point(
    scope: TenantScope, collection: str, per_point: PerPoint
) -> list[models.UpdateOperation] | Later:
    operations = per_point.at_once(scope)
    if operations is not None:
        return operations
    per_point.chosen.owned(scope.filters)  # refused now, before anything is written
    return lambda options: per_point.applied(scope, collection, options)


def _update_vectors(
    scope: TenantScope, collection: str, given: models.UpdateVectors
) -> list[models.UpdateOperation] | Later:
    refuse_unknown_fields(given)
    refuse_shard_key(given.shard_key)
    confined_vectors(scope, given.points)  # both refused now, before anything is written
    scope.filters.owned(given.update_filter)
    return lambda options: update_vectors(
        scope,
        collection,
        given.points,
        options.wait,
        options.ordering,
        update_filter=given.update_filter,
        timeout=options.timeout,
    )
