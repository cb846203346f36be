"""The fields of the request models that were read when this was written.

A model that is copied would carry a field that a later qdrant-client adds past the guard, so a
field that is set and not listed here is refused. A test compares the table with the installed
client.
"""

from __future__ import annotations

from types import MappingProxyType

from pydantic import BaseModel
from qdrant_client import models

from ...core.errors import IsolationError

_FIELDS: dict[type[BaseModel], str] = {
    models.Filter: "should min_should must must_not",
    models.FieldCondition: """key match range geo_bounding_box geo_radius geo_polygon values_count
        is_empty is_null""",
    models.QueryRequest: """shard_key prefetch query using filter params score_threshold limit
        offset with_vector with_payload lookup_from""",
    models.Prefetch: "prefetch query using filter params score_threshold limit lookup_from",
    models.SearchParams: "hnsw_ef exact quantization indexed_only acorn idf",
    models.NearestQuery: "nearest mmr",
    models.Mmr: "diversity candidates_limit",
    models.RecommendInput: "positive negative strategy",
    models.DiscoverInput: "target context",
    models.RelevanceFeedbackInput: "target feedback strategy",
    models.FeedbackItem: "example score",
    models.OrderByQuery: "order_by",
    models.OrderBy: "key direction start_from",
    models.FusionQuery: "fusion",
    models.RrfQuery: "rrf",
    models.Rrf: "k weights",
    models.SampleQuery: "sample",
    models.FormulaQuery: "formula defaults",
    models.DecayParamsExpression: "x target scale midpoint",
    models.PointStruct: "id vector payload",
    models.PointVectors: "id vector",
    models.Batch: "ids vectors payloads",
    models.PointsList: "points shard_key update_filter update_mode",
    models.PointsBatch: "batch shard_key update_filter update_mode",
    models.SetPayload: "payload points filter shard_key key",
    models.DeletePayload: "keys points filter shard_key",
    models.UpdateVectors: "points shard_key update_filter",
    models.DeleteVectors: "points filter vector shard_key",
    models.PointIdsList: "points shard_key",
    models.FilterSelector: "filter shard_key",
}

KNOWN_FIELDS = MappingProxyType({model: frozenset(each.split()) for model, each in _FIELDS.items()})
"""Each model that a caller may hand over, with its fields."""


def refuse_unknown_fields(model: BaseModel) -> None:
    """Raise `IsolationError` unless the model is one of the table with known fields only."""
    known = KNOWN_FIELDS.get(type(model))
    if known is None:
        raise IsolationError(f"model of type {type(model).__name__} refused: it is not known")
    if not model.model_fields_set <= known:
        raise IsolationError(
            f"{type(model).__name__} refused: it has a field that this version does not know"
        )
