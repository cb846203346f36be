"""Filters of any depth, made of every condition that the client has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from qdrant_client import models

from .canaries import DENSE, MULTI, SECOND, TERMS, VICTIMS, WORDS
from .draw import Draw

DEPTH = 4
"""How deep most filters nest; some go far beyond what a guard may follow."""


def user_filter(draw: Draw) -> models.Filter | None:
    """Return a filter, or none in a third of the calls."""
    if draw.chance(0.3):
        return None
    if draw.malformed and draw.chance(0.1):
        return _deep(draw)
    return some_filter(draw, DEPTH)


def some_filter(draw: Draw, depth: int) -> models.Filter:
    """Return a filter whose clauses nest at most ``depth`` deep."""
    made = models.Filter(
        must=draw.maybe(lambda: draw.some(lambda: condition(draw, depth), 2), 0.35),
        should=draw.maybe(lambda: draw.some(lambda: condition(draw, depth), 3), 0.35),
        must_not=draw.maybe(lambda: draw.some(lambda: condition(draw, depth), 2), 0.3),
        min_should=draw.maybe(lambda: _min_should(draw, depth), 0.12),
    )
    if made.should or made.must_not or made.min_should:
        draw.tags.add("widening")
    return made


def condition(draw: Draw, depth: int) -> models.Condition:
    """Return a condition of any kind."""
    if depth > 0 and draw.chance(0.22):
        draw.tags.add("nested")
        if draw.chance(0.3):
            nested = models.Nested(key=draw.key(), filter=some_filter(draw, depth - 1))
            return models.NestedCondition(nested=nested)
        return some_filter(draw, depth - 1)
    if draw.names_tenant and draw.chance(0.4):
        return _names_tenant(draw)
    made: models.Condition = draw.weighted(
        (
            (5.0, lambda: _match(draw)),
            (3.0, lambda: models.HasIdCondition(has_id=_ids(draw))),
            (1.5, lambda: _range(draw)),
            (1.0, lambda: _count_or_empty(draw)),
            (0.6, lambda: _geo(draw)),
            (0.6, lambda: models.HasVectorCondition(has_vector=_vector_name(draw))),
            (0.3, lambda: _slice(draw)),
            (0.6, lambda: models.IsEmptyCondition(is_empty=models.PayloadField(key=draw.key()))),
            (0.6, lambda: models.IsNullCondition(is_null=models.PayloadField(key=draw.key()))),
        )
    )
    return made


def _ids(draw: Draw) -> list[models.ExtendedPointId]:
    return [*draw.some(draw.valid_id, 3)]


def _names_tenant(draw: Draw) -> models.FieldCondition:
    key = draw.key()
    if draw.chance(0.5):
        draw.tags.add("tenant key")
        key = draw.known.tenant_key
    matches: tuple[models.Match, ...] = (
        models.MatchValue(value=VICTIMS[0]),
        models.MatchAny(any=list(VICTIMS)),
        models.MatchExcept(**{"except": ["nobody"]}),
        models.MatchText(text=VICTIMS[0]),
    )
    return models.FieldCondition(key=key, match=draw.one(matches))


def _match(draw: Draw) -> models.FieldCondition:
    value = draw.value()
    made: models.Match
    if not isinstance(value, str) or draw.chance(0.5):
        made = models.MatchValue(value=value)
    else:
        made = draw.weighted(
            (
                (2.0, lambda: models.MatchAny(any=[value, str(draw.value())])),
                (2.0, lambda: models.MatchExcept(**{"except": [value]})),
                (2.0, lambda: models.MatchText(text=value)),
                (1.0, lambda: models.MatchTextAny(text_any=value)),
                (1.0, lambda: models.MatchPhrase(phrase=value)),
                (0.5, lambda: models.MatchPrefix(prefix=value[:4])),
                (0.5, lambda: models.MatchSubstring(substring=value[1:5] or "z")),
            )
        )
    return models.FieldCondition(key=draw.key(), match=made)


def _range(draw: Draw) -> models.FieldCondition:
    if draw.chance(0.3):
        when = models.DatetimeRange(gte=datetime(draw.rng.randint(2010, 2030), 1, 1, tzinfo=UTC))
        return models.FieldCondition(key="when", range=when)
    low = draw.rng.choice([0, 5, 100, 100_000])
    key = draw.key() if draw.names_tenant else draw.one(("n", "weight", "deep.a", "rows[].v"))
    return models.FieldCondition(key=key, range=models.Range(gte=low, lt=low * 3 + 40))


def _count_or_empty(draw: Draw) -> models.FieldCondition:
    made: models.FieldCondition = draw.weighted(
        (
            (2.0, lambda: models.FieldCondition(key=draw.key(), values_count=_values_count(draw))),
            (1.0, lambda: models.FieldCondition(key=draw.key(), is_empty=draw.chance(0.5))),
            (1.0, lambda: models.FieldCondition(key=draw.key(), is_null=draw.chance(0.5))),
        )
    )
    return made


def _values_count(draw: Draw) -> models.ValuesCount:
    return models.ValuesCount(**{draw.one(("gt", "gte", "lt", "lte")): draw.rng.randint(0, 2)})


def _geo(draw: Draw) -> models.FieldCondition:
    centre = models.GeoPoint(lon=draw.rng.uniform(-50, 50), lat=draw.rng.uniform(-50, 50))
    if draw.chance(0.5):
        near = models.GeoRadius(center=centre, radius=draw.rng.choice([5e5, 5e6]))
        return models.FieldCondition(key="place", geo_radius=near)
    box = models.GeoBoundingBox(
        top_left=models.GeoPoint(lon=-70, lat=draw.rng.uniform(0, 70)),
        bottom_right=models.GeoPoint(lon=draw.rng.uniform(0, 70), lat=-70),
    )
    return models.FieldCondition(key="place", geo_bounding_box=box)


def _vector_name(draw: Draw) -> str:
    return draw.one((DENSE, SECOND, MULTI, WORDS, TERMS, "", "missing"))


def _slice(draw: Draw) -> models.SliceCondition:
    total = draw.rng.randint(1, 4)
    return models.SliceCondition(
        slice=models.Slice(total=total, index=draw.rng.randint(0, total - 1))
    )


def _min_should(draw: Draw, depth: int) -> models.MinShould:
    conditions = draw.some(lambda: condition(draw, depth), 3, 1)
    return models.MinShould(
        conditions=conditions, min_count=0 if draw.malformed else draw.rng.randint(1, 2)
    )


def _deep(draw: Draw) -> models.Filter:
    draw.tags.update(("malformed", "nested"))
    made = some_filter(draw, 0)
    for _ in range(draw.rng.randint(20, 45)):
        made = draw.one(_WRAPPED)(made)
    return made


_WRAPPED: tuple[Callable[[models.Filter], models.Filter], ...] = (
    lambda inner: models.Filter(must=[inner]),
    lambda inner: models.Filter(should=[inner]),
    lambda inner: models.Filter(must_not=[inner]),
)
