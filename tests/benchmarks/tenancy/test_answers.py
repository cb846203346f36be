"""Two answers are compared as an attacker would, and no more strictly than the engine is."""

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.conversions import common_types as types
from ragbastion.benchmarks.tenancy.answers import Answer, agree, canary_in, cosine, same, vectors_in
from ragbastion.benchmarks.tenancy.calls import Call
from ragbastion.benchmarks.tenancy.canaries import DENSE, VICTIMS, Canaries

CANARIES = Canaries(7)
VICTIM: Any = CANARIES.points(VICTIMS[0])[0]


def call(**fields: Any) -> Call:
    """Return a call whose method does not matter."""
    return Call(method="query_points", arguments={}, **fields)


def hits(*pairs: tuple[int, float]) -> types.QueryResponse:
    """Return an answer with points of these ids and scores."""
    points = [models.ScoredPoint(id=id_, version=0, score=score) for id_, score in pairs]
    return types.QueryResponse(points=points)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1.0, 1.0 + 1e-6, True),
        (1.0, 1.01, False),
        (1, 1.0, False),
        (True, 1, False),
        ("a", "a", True),
        ({"a": [1.0]}, {"a": [1.0]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        (models.CountResult(count=1), models.CountResult(count=2), False),
        (hits((1, 0.9), (2, 0.5)), hits((1, 0.9), (2, 0.5)), True),
        (hits((1, 0.9), (2, 0.5)), hits((2, 0.9), (1, 0.5)), False),
        (hits((1, 0.9), (2, 0.9), (3, 0.1)), hits((2, 0.9), (1, 0.9), (3, 0.1)), True),
        (hits((1, 0.9), (2, 0.9), (3, 0.1)), hits((2, 0.9), (4, 0.9), (3, 0.1)), False),
        (hits((1, 0.9), (2, 0.5), (3, 0.5)), hits((1, 0.9), (3, 0.5), (4, 0.5)), True),
        (hits((1, 0.9), (2, 0.5)), hits((1, 0.9), (3, 0.5)), False),
    ],
)
def test_answers_are_compared(one: Any, other: Any, equal: bool) -> None:
    """By value; floats within float32's rounding; ties in any order, and open at the end."""
    assert same(one, other) is equal


def test_errors_are_compared_as_told() -> None:
    """Type and text; an error beside an answer is a difference."""
    one, same_told, other = (
        Answer(error=ValueError("x"), told=f"ValueError: {text}") for text in ("x", "x", "y")
    )
    assert agree(call(), one, same_told)
    assert not agree(call(), one, other)
    assert not agree(call(), one, Answer(value=[]))


def test_what_the_engine_draws_is_left_open() -> None:
    """A sample's points differ from call to call; an error does not."""
    one, other = Answer(value=hits((1, 0.0))), Answer(value=hits((2, 0.0)))
    assert agree(call(unsteady=True), one, other)
    assert not agree(call(), one, other)
    assert not agree(call(unsteady=True), one, Answer(error=ValueError(), told="ValueError: "))


def test_pairs_and_groups_have_no_order() -> None:
    """The engine takes its sample in any order."""
    pairs = [
        models.SearchMatrixPair(a=1, b=2, score=0.5),
        models.SearchMatrixPair(a=2, b=3, score=1),
    ]
    one, other = (
        Answer(value=models.SearchMatrixPairsResponse(pairs=each)) for each in (pairs, pairs[::-1])
    )
    assert agree(call(unordered=True), one, other)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (VICTIM.payload["text"], "text"),
        ([{"deep": {"secret": VICTIM.payload["deep"]["secret"]}}], "text"),
        ({VICTIM.payload["group"]: 1}, "text"),
        ([models.Record(id=1, payload={"n": VICTIM.payload["n"]})], "payload"),
        ([models.Record(id=1, payload={"n": 5})], None),
        (None, None),
    ],
)
def test_canaries_are_seen(value: Any, kind: str | None) -> None:
    """Wherever they stand in the answer, keys included."""
    assert canary_in(CANARIES, Answer(value=value)) == kind


def test_canaries_in_errors_are_seen() -> None:
    """But for the name of the collection that was asked for."""
    marker = CANARIES.markers[0]
    told = Answer(error=ValueError(), told=f"ValueError: no such thing in 'shadow-{marker}'")
    assert canary_in(CANARIES, told) == "text"
    assert canary_in(CANARIES, told, named=f"shadow-{marker}") is None


def test_vectors_are_seen() -> None:
    """A victim's vector, scaled or rounded, counts; another of its length does not."""
    near = [3.0 * x + 0.001 for x in VICTIM.vector[DENSE]]
    record = models.Record(id=1, vector={DENSE: near})
    assert vectors_in(CANARIES, Answer(value=[record])) == 1
    assert vectors_in(CANARIES, Answer(value=[[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]])) == 0


def test_cosine_of_nothing_is_zero() -> None:
    """A zero vector points nowhere."""
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0
    assert cosine([2.0, 0.0], [1.0, 0.0]) == 1.0
