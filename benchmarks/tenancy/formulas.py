"""Formulas of any depth, over scores, payload keys and conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qdrant_client import models

from .draw import Draw

_DEPTH = 3
_NUMBERS = ("n", "weight", "deep.a", "rows[0].v")


def formula(draw: Draw, condition: Callable[[], models.Condition]) -> models.FormulaQuery:
    """Return a formula query; ``condition`` makes the conditions that count as 0 or 1."""
    defaults = dict.fromkeys(_NUMBERS, 1.0) | {"$score": 0.0}
    return models.FormulaQuery(formula=_expression(draw, condition, _DEPTH), defaults=defaults)


def _expression(draw: Draw, condition: Callable[[], models.Condition], depth: int) -> Any:
    def inner() -> Any:
        return _expression(draw, condition, depth - 1)

    leaves: list[tuple[float, Callable[[], Any]]] = [
        (3.0, lambda: "$score"),
        (1.0, lambda: draw.rng.uniform(0.1, 3.0)),
        (1.5, lambda: draw.key() if draw.names_tenant else draw.one(_NUMBERS)),
        (1.5, condition),
    ]
    if depth <= 0:
        return draw.weighted(leaves)
    compounds: list[tuple[float, Callable[[], Any]]] = [
        (3.0, lambda: models.SumExpression(sum=draw.some(inner, 3, 1))),
        (2.0, lambda: models.MultExpression(mult=draw.some(inner, 2, 1))),
        (0.5, lambda: models.MaxExpression(max=draw.some(inner, 2, 1))),
        (0.5, lambda: models.MinExpression(min=draw.some(inner, 2, 1))),
        (0.5, lambda: models.NegExpression(neg=inner())),
        (0.5, lambda: models.AbsExpression(abs=inner())),
        (0.3, lambda: models.SqrtExpression(sqrt=models.AbsExpression(abs=inner()))),
        (0.5, lambda: _ratio(inner)),
        (0.5, lambda: _decay(draw, inner)),
        (0.3, lambda: models.PowExpression(pow=models.PowParams(base=inner(), exponent=2.0))),
        (0.3, lambda: _distance(draw)),
        (0.2, lambda: _time(draw)),
    ]
    return draw.weighted(leaves + compounds)


def _ratio(inner: Callable[[], Any]) -> models.DivExpression:
    return models.DivExpression(
        div=models.DivParams(left=inner(), right=inner(), by_zero_default=1.0)
    )


def _decay(draw: Draw, inner: Callable[[], Any]) -> Any:
    given = models.DecayParamsExpression(
        x=inner(), target=draw.rng.uniform(0, 10), scale=5.0, midpoint=0.5
    )
    return draw.one(
        (
            models.GaussDecayExpression(gauss_decay=given),
            models.ExpDecayExpression(exp_decay=given),
            models.LinDecayExpression(lin_decay=given),
        )
    )


def _distance(draw: Draw) -> models.GeoDistance:
    to = draw.key() if draw.names_tenant else "place"
    origin = models.GeoPoint(lon=draw.rng.uniform(-50, 50), lat=10.0)
    return models.GeoDistance(geo_distance=models.GeoDistanceParams(origin=origin, to=to))


def _time(draw: Draw) -> models.DatetimeKeyExpression:
    return models.DatetimeKeyExpression(datetime_key=draw.key() if draw.names_tenant else "when")
