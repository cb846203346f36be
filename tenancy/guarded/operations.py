"""Writes whose payload differs from point to point: one operation for each point that is chosen.

A point's stamp and its sealed texts belong to its id, so an overwrite or a sealed text cannot be
sent once for many points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from .calls import Steps, call
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


@dataclass(frozen=True, slots=True)
class PerPoint:
    """An operation for each chosen point, made for the caller's id of it."""

    chosen: Chosen
    made_for: Callable[[object], models.UpdateOperation]

    def applied(
        self, scope: TenantScope, collection: str, options: WriteOptions
    ) -> Steps[types.UpdateResult]:
        """Make and send the operations; points chosen by a filter are looked up page by page."""
        if self.chosen.ids is not None:
            return (yield from self._sent(collection, self.chosen.ids, options))
        owned = self.chosen.owned(scope.filters)
        done, offset = nothing_done(), None
        while True:
            page, offset = yield from own_points(
                scope, collection, owned, limit=_PAGE, offset=offset
            )
            if page:
                ids = [record.id for record in page.values()]
                done = yield from self._sent(collection, ids, options)
            if offset is None:
                return done

    def _sent(
        self, collection: str, ids: Iterable[object], options: WriteOptions
    ) -> Steps[types.UpdateResult]:
        operations = [self.made_for(id_) for id_ in ids]
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
