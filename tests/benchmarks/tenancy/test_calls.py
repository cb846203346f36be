"""Generated calls: repeatable, deep, of every kind; and drawn by hypothesis as well."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import models
from ragbastion.benchmarks.tenancy.calls import GENERATED, TAGS, Call, history
from ragbastion.benchmarks.tenancy.canaries import Canaries
from ragbastion.benchmarks.tenancy.draw import Known
from ragbastion.benchmarks.tenancy.subjects import GUARDED

from .conftest import SEED, PairOf

KNOWN = Known(canaries=Canaries(SEED), docs="docs", shadow="shadow", tenant_key="tenant")


@pytest.fixture(scope="module")
def many() -> list[Call]:
    """Return three thousand calls."""
    return list(history(random.Random(1), KNOWN, 3000))


def depth(value: Any) -> int:
    """Return how deep filters nest in a filter."""
    if isinstance(value, models.NestedCondition):
        return 1 + depth(value.nested.filter)
    if not isinstance(value, models.Filter):
        return 0
    inside = [*_listed(value.must), *_listed(value.should), *_listed(value.must_not)]
    inside += value.min_should.conditions if value.min_should else []
    return 1 + max(map(depth, inside), default=0)


def _listed(conditions: Any) -> list[Any]:
    return conditions or []


def prefetch_depth(prefetch: Any) -> int:
    """Return how deep prefetches nest."""
    inside = [prefetch_depth(each.prefetch) for each in prefetch or []]
    return 1 + max(inside) if inside else 0


def test_a_seed_gives_the_same_calls() -> None:
    """So a history that leaks can be run again, and the twin gets the same one."""
    first, again = (repr(list(history(random.Random(5), KNOWN, 50))) for _ in range(2))
    assert first == again


def test_every_method_and_attack_occurs(many: list[Call]) -> None:
    """No column of the matrix stays empty."""
    assert {call.method for call in many} == set(GENERATED)
    assert {tag for call in many for tag in call.tags} == set(TAGS)


def test_filters_and_prefetches_nest(many: list[Call]) -> None:
    """Filters four deep, some beyond what a guard follows; prefetches three deep."""
    filters = [call.arguments.get("query_filter") for call in many]
    filters += [call.arguments.get("count_filter") for call in many]
    depths = [depth(each) for each in filters]
    assert sum(each >= 4 for each in depths) > 20
    assert max(depths) > 20
    prefetches = [prefetch_depth(call.arguments.get("prefetch")) for call in many]
    assert max(prefetches) == 3


def test_every_kind_of_query_occurs(many: list[Call]) -> None:
    """By vectors, ids and each model of the client."""
    kinds = {type(call.arguments.get("query")).__name__ for call in many}
    named = {model.__name__ for model in models.Query.__args__}
    assert named <= kinds
    assert {"int", "str", "list", "ndarray", "SparseVector", "NoneType"} <= kinds


def test_what_is_written_holds_no_canary(many: list[Call]) -> None:
    """Else an attacker's own text would count as a victim's."""
    written = [repr(c.arguments.get("points")) for c in many if c.method.startswith("up")]
    assert not [text for text in written for marker in KNOWN.canaries.markers if marker in text]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture,
    ],
)  # fmt: skip
@given(source=st.randoms(use_true_random=False))
def test_no_history_that_hypothesis_draws_leaks(pair_of: PairOf, source: random.Random) -> None:
    """Every choice of the generator is hypothesis's, which makes a history that leaks small."""
    pair = pair_of(GUARDED)
    for call in history(source, pair.full.known(pair.stored), 3):
        _, found = pair.made(call, call)
        assert found is None
    assert pair.truth() is None
