"""Writes whose payload differs from point to point: one operation for each point that is chosen.

A point's stamp and its sealed texts belong to its id, so an overwrite or a sealed text cannot be
sent once for many points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ..client_calls import Steps, call
from .reading import own_points
from .scope import TenantScope
from .selectors import Chosen

_PAGE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How a caller wants a write done."""

    wait: bool = True
    ordering: types.WriteOrdering | None = None
    timeout: int | None = None


MadeFor: TypeAlias = Callable[[object, Mapping[str, Any] | None], models.UpdateOperation]
"""Makes the operation for a caller's id, and the payload stored there where access needs it."""


@dataclass(frozen=True, slots=True)
class PerPoint:
    """An operation for each chosen point."""

    chosen: Chosen
    made_for: MadeFor

    def at_once(self, scope: TenantScope) -> list[models.UpdateOperation] | None:
        """Return the operations, or None if points must be looked up to make them."""
        if self.chosen.ids is None or scope.access is not None:
            return None
        return [self.made_for(id_, None) for id_ in self.chosen.ids]

    def applied(
        self, scope: TenantScope, collection: str, options: WriteOptions
    ) -> Steps[types.UpdateResult]:
        """Make and send the operations; points that must be looked up are read page by page."""
        operations = self.at_once(scope)
        if operations is not None:
            return (yield from _last(collection, operations, options))
        owned = self.chosen.owned(scope.filters)
        stored = scope.access is not None
        done, offset = nothing_done(), None
        while True:
            page, offset = yield from own_points(
                scope, collection, owned, limit=_PAGE, offset=offset, with_payload=stored
            )
            operations = [self.made_for(each.id, each.payload) for each in page.values()]
            if operations:
                done = yield from _last(collection, operations, options)
            if offset is None:
                return done


def _last(
    collection: str, operations: list[models.UpdateOperation], options: WriteOptions
) -> Steps[types.UpdateResult]:
    results = yield from sent(collection, operations, options)
    return results[-1] if results else nothing_done()


def sent(
    collection: str, operations: list[models.UpdateOperation], options: WriteOptions
) -> Steps[list[types.UpdateResult]]:
    """Send confined operations in one call, or make none if there are none."""
    if not operations:
        return []
    results: list[types.UpdateResult] = yield call(
        "batch_update_points",
        collection,
        operations,
        wait=options.wait,
        ordering=options.ordering,
        timeout=options.timeout,
    )
    return results


def nothing_done() -> types.UpdateResult:
    """Return the result of a write that chose no point."""
    return models.UpdateResult(status=models.UpdateStatus.COMPLETED)
