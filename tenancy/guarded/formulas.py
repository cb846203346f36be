"""Formulas of a query: their payload keys and conditions are those of a filter.

A formula is computed for points that a prefetch found, which are the tenant's; what it names is
checked all the same, so that it can't do what a filter can't. Defaults are plain values.
"""

from __future__ import annotations

from typing import Any, TypeAlias, get_args

from pydantic import BaseModel
from qdrant_client import models

from ...core.errors import IsolationError
from .filters import TenantFilters
from .known_fields import refuse_unknown_fields

_MAX_DEPTH = 32

# A model with one field that holds an expression, or a list of them.
_OPERATORS: dict[type[BaseModel], str] = {
    models.NegExpression: "neg",
    models.AbsExpression: "abs",
    models.SqrtExpression: "sqrt",
    models.ExpExpression: "exp",
    models.Log10Expression: "log10",
    models.LnExpression: "ln",
    models.AcoshExpression: "acosh",
    models.SumExpression: "sum",
    models.MultExpression: "mult",
    models.MaxExpression: "max",
    models.MinExpression: "min",
}
_DECAYS: dict[type[BaseModel], str] = {
    models.LinDecayExpression: "lin_decay",
    models.ExpDecayExpression: "exp_decay",
    models.GaussDecayExpression: "gauss_decay",
}
_CONDITIONS = get_args(models.Condition)

Expression: TypeAlias = Any
"""What pydantic takes as an expression: a number, a key, a condition or one of the models."""


def confined_formula(filters: TenantFilters, query: models.FormulaQuery) -> models.FormulaQuery:
    """Return the formula with its conditions confined; raise for a key that may not be named."""
    refuse_unknown_fields(query)
    return models.FormulaQuery(
        formula=_confined(filters, query.formula, 0), defaults=query.defaults
    )


def _confined(filters: TenantFilters, given: Expression, depth: int) -> Expression:
    if depth > _MAX_DEPTH:
        raise IsolationError(f"formula refused: nested deeper than {_MAX_DEPTH}")
    if isinstance(given, float | int) and not isinstance(given, bool):
        return given
    if isinstance(given, str):
        if not given.startswith("$score"):
            filters.check_key(given, "formula")
        return given
    if isinstance(given, _CONDITIONS):
        return filters.condition(given)
    if isinstance(given, models.DatetimeExpression):
        return given
    if isinstance(given, models.DatetimeKeyExpression):
        filters.check_key(given.datetime_key, "formula")
        return given
    if isinstance(given, models.GeoDistance):
        filters.check_key(given.geo_distance.to, "formula")
        return given
    return _compound(filters, given, depth + 1)


def _compound(filters: TenantFilters, given: Expression, depth: int) -> Expression:
    def confined(inner: Expression) -> Expression:
        return _confined(filters, inner, depth)

    if isinstance(given, models.DivExpression):
        sides = {"left": confined(given.div.left), "right": confined(given.div.right)}
        by_zero = given.div.by_zero_default
        return models.DivExpression(div=models.DivParams(**sides, by_zero_default=by_zero))
    if isinstance(given, models.PowExpression):
        base, exponent = confined(given.pow.base), confined(given.pow.exponent)
        return models.PowExpression(pow=models.PowParams(base=base, exponent=exponent))
    if name := _OPERATORS.get(type(given)):
        inner = getattr(given, name)
        kept = [confined(each) for each in inner] if isinstance(inner, list) else confined(inner)
        return type(given)(**{name: kept})
    if name := _DECAYS.get(type(given)):
        return type(given)(**{name: _decay(getattr(given, name), confined)})
    raise IsolationError(f"formula refused: an expression of type {type(given).__name__}")


def _decay(given: models.DecayParamsExpression, confined: Any) -> models.DecayParamsExpression:
    refuse_unknown_fields(given)
    target = None if given.target is None else confined(given.target)
    return given.model_copy(update={"x": confined(given.x), "target": target})
