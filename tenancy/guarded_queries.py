"""Queries of a tenant: every filter, prefetch and id in them is confined.

- INVARIANT: no id reaches the engine inside a query. The engine would take the vector of any point
  of the collection, and scores against one's own points are enough to rebuild it; so ids are looked
  up among the tenant's points first and travel as vectors.
- INVARIANT: a prefetch at any depth carries the tenant's filter.
- INVARIANT: query types that are not listed here are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import models

from ..core.errors import IsolationError
from .guarded_filters import TenantFilters

_MAX_DEPTH = 32
_SELF_CONTAINED = (
    models.OrderByQuery | models.FusionQuery | models.RrfQuery | models.SampleQuery | None
)

Lookup = Callable[[object, str | None], Any]
"""Returns the vector (named or not) of the tenant's point with that id, or raises."""


class QueryRewriter:
    """Confines queries to one tenant; ``lookup`` reads vectors of the tenant's own points."""

    def __init__(self, filters: TenantFilters, lookup: Lookup) -> None:
        self._filters = filters
        self._lookup = lookup

    def rewritten(self, request: models.QueryRequest) -> models.QueryRequest:
        """Return the request confined; payload and vector selectors are left as they are."""
        if request.shard_key is not None:
            raise IsolationError("shard keys are refused: the guard alone chooses shards")
        query, used = self._query(request.query, request.using, request.lookup_from)
        return request.model_copy(
            update={
                "query": query,
                "filter": self._filters.owned(request.filter, without=used),
                "prefetch": self._prefetches(request.prefetch, 0),
            }
        )

    def _prefetches(self, prefetch: object, depth: int) -> list[models.Prefetch] | None:
        if prefetch is None:
            return None
        if depth > _MAX_DEPTH:
            raise IsolationError(f"query refused: prefetch nested deeper than {_MAX_DEPTH}")
        listed = prefetch if isinstance(prefetch, list) else [prefetch]
        return [self._prefetch(each, depth) for each in listed]

    def _prefetch(self, prefetch: object, depth: int) -> models.Prefetch:
        if not isinstance(prefetch, models.Prefetch):
            raise IsolationError(f"prefetch of type {type(prefetch).__name__} refused")
        query, used = self._query(prefetch.query, prefetch.using, prefetch.lookup_from)
        return prefetch.model_copy(
            update={
                "query": query,
                "filter": self._filters.owned(prefetch.filter, without=used),
                "prefetch": self._prefetches(prefetch.prefetch, depth + 1),
            }
        )

    def _query(
        self, query: object, using: str | None, lookup_from: object
    ) -> tuple[Any, list[str]]:
        """Return the query without ids, and the stored ids it named, which results leave out."""
        if lookup_from is not None:
            raise IsolationError("lookup_from refused: it reads points of another collection")
        used: list[str] = []

        def vector(example: object) -> Any:
            return self._vector(example, using, used)

        return _without_ids(query, vector), used

    def _vector(self, example: object, using: str | None, used: list[str]) -> Any:
        if isinstance(example, np.ndarray):
            return example.tolist()
        if isinstance(example, models.SparseVector):
            return example
        if isinstance(example, list) and not any(isinstance(x, str | UUID) for x in example):
            return example
        if isinstance(example, int | str | UUID) and not isinstance(example, bool):
            found = self._lookup(example, using)
            used.append(self._filters.stored_id(example))
            return found
        raise IsolationError(
            f"query of type {type(example).__name__} refused: use a vector or a point id"
        )


def _without_ids(query: object, vector: Callable[[object], Any]) -> Any:
    """Return the query with each example passed through ``vector``."""
    if isinstance(query, _SELF_CONTAINED):
        return query
    if isinstance(query, models.NearestQuery):
        return query.model_copy(update={"nearest": vector(query.nearest)})
    if isinstance(query, models.RecommendQuery):
        given = query.recommend
        update = {
            "positive": [vector(each) for each in given.positive or []],
            "negative": [vector(each) for each in given.negative or []],
        }
        return models.RecommendQuery(recommend=given.model_copy(update=update))
    if isinstance(query, models.DiscoverQuery):
        target = vector(query.discover.target)
        pairs = _pairs(query.discover.context, vector)
        update = {"target": target, "context": pairs}
        return models.DiscoverQuery(discover=query.discover.model_copy(update=update))
    if isinstance(query, models.ContextQuery):
        return models.ContextQuery(context=_pairs(query.context, vector))
    return vector(query)


def _pairs(
    context: models.ContextPair | Sequence[models.ContextPair], vector: Callable[[object], Any]
) -> list[models.ContextPair]:
    listed = [context] if isinstance(context, models.ContextPair) else list(context)
    return [
        models.ContextPair(positive=vector(pair.positive), negative=vector(pair.negative))
        for pair in listed
    ]
