"""Queries of a tenant: every filter, prefetch and id in them is confined.

- INVARIANT: a request and a prefetch at any depth carry the tenant's filter.
- INVARIANT: a query with a sparse vector counts word frequencies among the tenant's points only.
- INVARIANT: no vector is looked up in another collection.
"""

from __future__ import annotations

from dataclasses import dataclass

from qdrant_client import models

from ...core.errors import IsolationError
from .examples import LevelQuery, OwnVectors
from .filters import TenantFilters, refuse_shard_key
from .known_fields import refuse_unknown_fields

_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OneQuery:
    """What a call of one query gave, untrusted, or what became of it; as in `QueryRequest`."""

    query: object
    using: str | None
    prefetch: object
    filter: object
    params: object
    lookup_from: object = None


class QueryRewriter:
    """Confines queries to one tenant; ``own`` gives the vectors of the points that they name."""

    def __init__(self, filters: TenantFilters, own: OwnVectors, *, remote: bool = False) -> None:
        self._filters = filters
        self._own = own
        self._remote = remote

    def rewritten(self, request: models.QueryRequest) -> models.QueryRequest:
        """Return the request confined; payload and vector selectors are left as they are."""
        if not isinstance(request, models.QueryRequest):
            raise IsolationError(f"request of type {type(request).__name__} refused")
        refuse_shard_key(request.shard_key)
        refuse_unknown_fields(request)
        return request.model_copy(update=self._confined(request, 0))

    def rewritten_one(self, given: OneQuery) -> OneQuery:
        """Return the query confined."""
        return OneQuery(using=given.using, **self._confined(given, 0))

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
        refuse_unknown_fields(prefetch)
        return prefetch.model_copy(update=self._confined(prefetch, depth + 1))

    def _confined(
        self, level: models.QueryRequest | models.Prefetch | OneQuery, depth: int
    ) -> dict[str, object]:
        if level.lookup_from is not None:
            raise IsolationError("lookup_from refused: it reads points of another collection")
        inputs = LevelQuery(self._filters, self._own, level.using, remote=self._remote)
        query = inputs.confined(level.query)
        return {
            "query": query,
            "filter": self._filters.owned(level.filter, without=inputs.used),
            "prefetch": self._prefetches(level.prefetch, depth),
            "params": self._params(level.params, weighs_words=inputs.weighs_words),
        }

    def _params(self, params: object, *, weighs_words: bool) -> models.SearchParams | None:
        if params is None:
            if not weighs_words:
                return None
            params = models.SearchParams()
        if not isinstance(params, models.SearchParams):
            raise IsolationError(f"search parameters of type {type(params).__name__} refused")
        refuse_unknown_fields(params)
        if params.idf is None and not weighs_words:
            return params
        if params.idf is not None and not isinstance(params.idf, models.IdfCorpusParams):
            raise IsolationError(
                "global idf refused: it counts words of every tenant; leave it out"
            )
        user = params.idf.corpus if params.idf is not None else None
        corpus = models.IdfCorpusParams(corpus=self._filters.owned(user))
        return params.model_copy(update={"idf": corpus})
