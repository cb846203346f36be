"""Formulas name a tenant's own payload keys and ids only."""

from typing import Any

import pytest
from qdrant_client import models
from ragbastion.core.errors import IsolationError
from ragbastion.tenancy.guarded.filters import TenantFilters
from ragbastion.tenancy.guarded.formulas import confined_formula

FILTERS = TenantFilters("acme")
TENANT = models.FieldCondition(key="tenant", match=models.MatchValue(value="globex"))
OWN = models.HasIdCondition(has_id=[1])
GEO = models.GeoDistanceParams(origin=models.GeoPoint(lon=0.0, lat=0.0), to="tenant")


def decay(x: Any, target: Any = None) -> models.DecayParamsExpression:
    """Return parameters of a decay."""
    return models.DecayParamsExpression(x=x, target=target, scale=2.0)


def compounds(inner: Any) -> list[Any]:
    """Return every expression that can hold another, holding this one."""
    return [
        models.SumExpression(sum=[1.0, inner]),
        models.MultExpression(mult=[inner]),
        models.MaxExpression(max=[inner]),
        models.MinExpression(min=[inner]),
        models.NegExpression(neg=inner),
        models.AbsExpression(abs=inner),
        models.SqrtExpression(sqrt=inner),
        models.ExpExpression(exp=inner),
        models.Log10Expression(log10=inner),
        models.LnExpression(ln=inner),
        models.AcoshExpression(acosh=inner),
        models.DivExpression(div=models.DivParams(left=1.0, right=inner, by_zero_default=0.5)),
        models.PowExpression(pow=models.PowParams(base=inner, exponent=2.0)),
        models.LinDecayExpression(lin_decay=decay(inner)),
        models.ExpDecayExpression(exp_decay=decay(1.0, inner)),
        models.GaussDecayExpression(gauss_decay=decay(inner, 1.0)),
    ]


@pytest.mark.parametrize(
    "named",
    ["tenant", "_ragbastion_id", TENANT, models.GeoDistance(geo_distance=GEO),
     models.DatetimeKeyExpression(datetime_key="tenant"),
     models.Filter(should=[models.Filter(must=[TENANT])])],
)  # fmt: skip
def test_reserved_key_is_refused_inside_every_expression(named: Any) -> None:
    """As a variable, a condition, a place and a date, alone and at any depth."""
    for expression in [named, *compounds(named), *compounds(compounds(named)[0])]:
        with pytest.raises(IsolationError, match="refused"):
            confined_formula(FILTERS, models.FormulaQuery(formula=expression))


@pytest.mark.parametrize("expression", compounds(OWN), ids=lambda each: type(each).__name__)
def test_ids_in_conditions_are_the_tenants(expression: Any) -> None:
    """An id is replaced by the stored one, and nothing else of the formula changes."""
    given = models.FormulaQuery(formula=expression, defaults={"gone": 1.0})
    confined = repr(confined_formula(FILTERS, given))
    assert confined == repr(given).replace("[1]", f"['{FILTERS.stored_id(1)}']")


@pytest.mark.parametrize(
    "expression",
    [
        1.5,
        2,
        "$score",
        "$score[1]",
        "n",
        "deep.a",
        models.DatetimeExpression(datetime="2026-01-01"),
    ],
)
def test_plain_expression_passes(expression: Any) -> None:
    """Numbers, scores, own keys and dates are left as they are."""
    given = models.FormulaQuery.model_construct(formula=expression, defaults={})
    assert confined_formula(FILTERS, given).formula == expression


@pytest.mark.parametrize("expression", [True, None, object(), {"sum": ["tenant"]}])
def test_unknown_expression_is_refused(expression: Any) -> None:
    """What is not one of the client's expressions is not passed on."""
    given = models.FormulaQuery.model_construct(formula=expression, defaults={})
    with pytest.raises(IsolationError, match="formula refused"):
        confined_formula(FILTERS, given)


def test_endless_formula_is_refused() -> None:
    """Nesting has a limit of its own, before the interpreter's."""
    nested: Any = "n"
    for _ in range(50):
        nested = models.NegExpression(neg=nested)
    with pytest.raises(IsolationError, match="nested deeper"):
        confined_formula(FILTERS, models.FormulaQuery(formula=nested))
