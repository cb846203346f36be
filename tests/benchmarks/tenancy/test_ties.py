"""Points that tie are no leak wherever the engine cuts them off; anything else is."""

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.conversions import common_types as types
from ragbastion.benchmarks.tenancy.answers import Answer
from ragbastion.benchmarks.tenancy.calls import Call
from ragbastion.benchmarks.tenancy.epochs import Pair
from ragbastion.benchmarks.tenancy.queries import ALL
from ragbastion.benchmarks.tenancy.subjects import GUARDED, NAIVE
from ragbastion.benchmarks.tenancy.ties import (
    all_ranked,
    has_ties,
    ranked_sources,
    same_scores,
    shown_as_ranked,
    without_limit,
)

from .conftest import PairOf


def answer(*pairs: tuple[int, float]) -> Answer:
    """Return an answer with points of these ids and scores."""
    points = [models.ScoredPoint(id=id_, version=0, score=score) for id_, score in pairs]
    return Answer(value=types.QueryResponse(points=points))


def context(limit: int, **fields: Any) -> Call:
    """Return a search in which most points tie at a score of 0."""
    pair = models.ContextPair(positive=1, negative=2)
    query = models.ContextQuery(context=[pair])
    arguments = {"collection_name": "docs", "query": query, "using": "dense", "limit": limit}
    return Call(method="query_points", arguments={**arguments, **fields})


def test_a_search_is_asked_again_whole() -> None:
    """Without limit and offset; what is no search is not asked again."""
    whole = without_limit(context(1, offset=2))
    assert whole is not None
    assert (whole.arguments["limit"], whole.arguments["offset"]) == (ALL, None)
    assert without_limit(Call(method="scroll", arguments={"limit": 1})) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (answer((1, 0.9)), True),
        (answer((2, 0.5)), True),
        (answer((3, 0.5)), True),
        (answer((1, 0.8)), False),
        (answer((9, 0.5)), False),
    ],
)
def test_shown_points_stand_in_the_ranking(shown: Answer, expected: bool) -> None:
    """Each with its score; a point that is nowhere in it, or scores otherwise, does not."""
    whole = answer((1, 0.9), (2, 0.5), (3, 0.5))
    assert shown_as_ranked(shown, whole) is expected


def test_scores_are_compared_place_by_place() -> None:
    """Ids may differ where scores may not."""
    assert same_scores(answer((1, 0.5)), answer((2, 0.5)))
    assert not same_scores(answer((1, 0.5)), answer((1, 0.6)))
    assert not same_scores(answer((1, 0.5)), answer((1, 0.5), (2, 0.5)))


def differing(pair: Pair, call: Call) -> bool:
    """Say whether the call counts as one that gives something away."""
    return pair.made(call, call)[1] is not None


@pytest.mark.parametrize("limit", [1, 2, 3, ALL])
@pytest.mark.parametrize("offset", [None, 2])
def test_tied_points_are_no_leak(limit: int, offset: int | None, pair_of: PairOf) -> None:
    """Wherever limit and offset fall among the points of one score."""
    assert not differing(pair_of(GUARDED), context(limit, offset=offset))


@pytest.mark.parametrize("limit", [1, ALL])
def test_foreign_vectors_are_a_leak_among_ties(limit: int, pair_of: PairOf) -> None:
    """A context of foreign ids, answered from their vectors, differs from the twin's error."""
    pair = pair_of(NAIVE)
    foreign = models.ContextPair(positive=101, negative=102)
    assert differing(pair, context(limit, query=models.ContextQuery(context=[foreign])))


def fused(*queries: Any) -> Call:
    """Return a fusion of searches, of which each is cut off at two points."""
    prefetch = [models.Prefetch(query=each, using="dense", limit=2) for each in queries]
    query = models.FusionQuery(fusion=models.Fusion.RRF)
    arguments = {"collection_name": "docs", "query": query, "prefetch": prefetch, "limit": ALL}
    return Call(method="query_points", arguments=arguments)


def test_a_fusion_of_ties_is_no_leak(pair_of: PairOf) -> None:
    """Ranks of points that tie follow the engine's sort, and so do the scores made of them."""
    tied = models.ContextQuery(context=[models.ContextPair(positive=1, negative=2)])
    assert not differing(pair_of(GUARDED), fused(tied, tied))
    sources = ranked_sources(fused(tied, 1))
    assert [each.arguments["limit"] for each in sources] == [ALL, ALL]


def test_foreign_vectors_are_a_leak_in_a_fusion(pair_of: PairOf) -> None:
    """The rankings that it is made of differ from the twin's."""
    assert differing(pair_of(NAIVE), fused(101, 101))


def test_ties_are_seen() -> None:
    """Two points of one score, and none."""
    assert has_ties(answer((1, 0.5), (2, 0.5)))
    assert not has_ties(answer((1, 0.5), (2, 0.4)))
    assert all_ranked(answer((1, 0.1)), [answer((1, 0.5))])
    assert not all_ranked(answer((9, 0.1)), [answer((1, 0.5))])
