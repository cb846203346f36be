"""What one level of a query looks for: its kind, its examples, the ids among them.

- INVARIANT: no id reaches the engine inside a query. The engine would take the vector of any point
  of the collection, and scores against one's own points are enough to rebuild it; so ids are looked
  up among the tenant's points first and travel as vectors.
- INVARIANT: query types that are not listed here are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import models

from ...core.errors import IsolationError, UsageError
from .filters import TenantFilters
from .formulas import confined_formula
from .inference import checked_inference, numeric
from .known_fields import refuse_unknown_fields

_SELF_CONTAINED = models.FusionQuery | models.RrfQuery | models.SampleQuery
_TO_EMBED = models.Document | models.Image | models.InferenceObject


class OwnVectors:
    """The vectors of the tenant's points that queries name by id.

    ``found``: what is stored under each stored id. Without it, ids are collected in ``named``
    (stored id to caller's id) and ``names`` (of vectors), and placeholders are handed out: the
    queries must be rewritten again with what was found.
    """

    def __init__(self, filters: TenantFilters, found: Mapping[str, Any] | None = None) -> None:
        self.named: dict[str, object] = {}
        self.names: set[str] = set()
        self._filters = filters
        self._found = found

    def of(self, id_: object, using: str | None) -> tuple[str, Any]:
        """Return stored id and vector of the tenant's point; foreign and missing ids look alike."""
        stored = self._filters.stored_id(id_)
        if self._found is None:
            self.named[stored] = id_
            self.names.add(using or "")
            return stored, []
        found = self._found.get(stored)
        vector = found.get(using or "") if isinstance(found, dict) else found
        if vector is None:
            raise UsageError(f"point '{id_}' cannot be queried by: it does not exist")
        return stored, vector


def check_order_by(filters: TenantFilters, order_by: object) -> None:
    """Raise unless this is a payload key, or a `models.OrderBy` of one, that may be compared."""
    if isinstance(order_by, models.OrderBy):
        refuse_unknown_fields(order_by)
        order_by = order_by.key
    if not isinstance(order_by, str):
        raise IsolationError(f"order_by of type {type(order_by).__name__} refused: use a key")
    filters.check_key(order_by, "order_by")


class LevelQuery:
    """Confines the query of one level, a request's or a prefetch's.

    Afterwards ``used`` holds the stored ids that it named, which results leave out, and
    ``weighs_words`` says whether a sparse vector may be among its examples.
    """

    def __init__(
        self, filters: TenantFilters, own: OwnVectors, using: str | None, *, remote: bool
    ) -> None:
        self.used: list[str] = []
        self.weighs_words = False
        self._filters = filters
        self._own = own
        self._using = using
        self._remote = remote

    def confined(self, query: object) -> Any:
        """Return the query with each example confined."""
        if query is None:
            return None
        if isinstance(query, models.TextQuery):
            raise IsolationError(
                "text query refused: its BM25 statistics count the words of every tenant; "
                "query a sparse vector"
            )
        if isinstance(query, models.FormulaQuery):
            return confined_formula(self._filters, query)
        if isinstance(query, models.OrderByQuery):
            refuse_unknown_fields(query)
            check_order_by(self._filters, query.order_by)
            return query
        if isinstance(query, _SELF_CONTAINED):
            refuse_unknown_fields(query)
            return query
        return self._by_examples(query)

    def _by_examples(self, query: object) -> Any:
        if isinstance(query, models.NearestQuery):
            refuse_unknown_fields(query)
            return query.model_copy(update={"nearest": self._vector(query.nearest)})
        if isinstance(query, models.RecommendQuery):
            return models.RecommendQuery(recommend=self._recommend(query.recommend))
        if isinstance(query, models.DiscoverQuery):
            given = query.discover
            refuse_unknown_fields(given)
            update = {"target": self._vector(given.target), "context": self._pairs(given.context)}
            return models.DiscoverQuery(discover=given.model_copy(update=update))
        if isinstance(query, models.ContextQuery):
            return models.ContextQuery(context=self._pairs(query.context))
        if isinstance(query, models.RelevanceFeedbackQuery):
            feedback = self._feedback(query.relevance_feedback)
            return models.RelevanceFeedbackQuery(relevance_feedback=feedback)
        return self._vector(query)

    def _recommend(self, given: models.RecommendInput) -> models.RecommendInput:
        refuse_unknown_fields(given)
        update = {
            "positive": [self._vector(each) for each in given.positive or []],
            "negative": [self._vector(each) for each in given.negative or []],
        }
        return given.model_copy(update=update)

    def _feedback(self, given: models.RelevanceFeedbackInput) -> models.RelevanceFeedbackInput:
        refuse_unknown_fields(given)
        if not isinstance(given.strategy, models.NaiveFeedbackStrategy):
            raise IsolationError("relevance feedback refused: its strategy is not known")
        for item in given.feedback:
            refuse_unknown_fields(item)
        items = [
            models.FeedbackItem(example=self._vector(item.example), score=item.score)
            for item in given.feedback
        ]
        return given.model_copy(update={"target": self._vector(given.target), "feedback": items})

    def _pairs(
        self, context: models.ContextPair | Sequence[models.ContextPair]
    ) -> list[models.ContextPair]:
        listed = [context] if isinstance(context, models.ContextPair) else list(context)
        return [
            models.ContextPair(
                positive=self._vector(pair.positive), negative=self._vector(pair.negative)
            )
            for pair in listed
        ]

    def _vector(self, example: object) -> Any:
        vector = self._confined_vector(example)
        # Which model an object to be embedded takes is not known here: it may be a sparse one.
        self.weighs_words |= isinstance(vector, models.SparseVector | _TO_EMBED)
        return vector

    def _confined_vector(self, example: object) -> Any:
        if isinstance(example, np.ndarray):
            # An array without a dimension is a number or a text: an id, and a stored one at that.
            example = example.tolist()
            if not isinstance(example, list):
                raise IsolationError("query refused: its array has no dimension")
        if isinstance(example, models.SparseVector):
            return example
        if isinstance(example, _TO_EMBED):
            return checked_inference(example, remote=self._remote)
        if isinstance(example, list) and numeric(example):
            return example
        if isinstance(example, int | str | UUID) and not isinstance(example, bool):
            stored, vector = self._own.of(example, self._using)
            self.used.append(stored)
            return vector
        raise IsolationError(
            f"query of type {type(example).__name__} refused: use a vector or a point id"
        )
