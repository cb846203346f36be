"""Queries of every kind, and prefetches that nest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qdrant_client import models

from .canaries import DENSE, DIMENSIONS, MULTI, SECOND, SHARED_TERMS, TERMS, WORDS
from .draw import Draw
from .filters import condition, user_filter
from .formulas import formula

PREFETCH_DEPTH = 3
ALL = 1000
"""A limit that no tenant's points reach: what ties at it is not cut off."""


def query_fields(draw: Draw, *, raw: bool) -> dict[str, Any]:
    """Return what a search, one of a batch and one in groups share, by the names of a request.

    ``raw``: the query is an argument of its own, which may be an array or no query at all.
    """
    depth = PREFETCH_DEPTH if draw.chance(0.35) else 0
    fields = level(draw, depth, raw=raw)
    if draw.chance(0.03):
        draw.tags.add("lookup")
        fields["lookup_from"] = models.LookupLocation(
            collection=draw.one((draw.known.docs, draw.known.shadow)), vector=fields.get("using")
        )
    return fields


def level(draw: Draw, depth: int, *, inside: bool = False, raw: bool = False) -> dict[str, Any]:
    """Return query, vector name, filter, prefetches and parameters of one level."""
    using = _using(draw)
    prefetch = None
    if depth > 0 and draw.chance(0.8):
        draw.tags.add("prefetch")
        prefetch = draw.some(lambda: _prefetch(draw, depth - 1), 2, 1)
    if raw and draw.chance(0.1):
        query = _raw_query(draw, using)
    else:
        query = _query(draw, using, has_prefetch=bool(prefetch), inside=inside)
    return {
        "query": query,
        "using": None if isinstance(query, _FUSIONS) else using,
        "prefetch": prefetch,
        "filter": user_filter(draw),
        "params": draw.maybe(lambda: _params(draw), 0.15),
    }


_FUSIONS = models.FusionQuery | models.RrfQuery


def _prefetch(draw: Draw, depth: int) -> models.Prefetch:
    fields = level(draw, depth, inside=True)
    return models.Prefetch(**fields, limit=draw.one((ALL, ALL, 3)))


def _using(draw: Draw) -> str | None:
    if draw.malformed and draw.chance(0.3):
        draw.tags.add("malformed")
        return draw.one((None, "missing"))
    return draw.one((DENSE, DENSE, DENSE, SECOND, SECOND, MULTI, WORDS, WORDS, TERMS))


def _params(draw: Draw) -> models.SearchParams:
    idf: Any = None
    if draw.chance(0.4):
        draw.tags.add("idf")
        corpus = models.IdfCorpusParams(corpus=user_filter(draw) or models.Filter())
        idf = models.IdfScope.GLOBAL if draw.chance(0.15) else corpus
    return models.SearchParams(exact=draw.chance(0.5), hnsw_ef=16, idf=idf)


def vector_for(draw: Draw, using: str | None) -> Any:
    """Return a vector of the kind that this name has."""
    if using in {WORDS, TERMS}:
        terms = list(range(SHARED_TERMS + 2)) if draw.chance(0.7) else [111, 212, 13]
        chosen = sorted(draw.rng.sample(terms, 3))
        return models.SparseVector(indices=chosen, values=[1.0, 0.5, 0.25])
    if using == MULTI:
        return draw.multi()
    return draw.vector(using if using in DIMENSIONS else DENSE)


def _query(draw: Draw, using: str | None, *, has_prefetch: bool, inside: bool) -> Any:
    kinds: list[tuple[float, Callable[[], Any]]] = [
        (4.0, lambda: vector_for(draw, using)),
        (2.5, lambda: _by_id(draw)),
        (2.0, lambda: _recommend(draw, using)),
        (1.0, lambda: _nearest(draw, using)),
        (1.0, lambda: _discover(draw, using)),
        (1.0, lambda: _context(draw, using, inside=inside)),
        (0.7, lambda: _feedback(draw, using)),
        (0.7, lambda: _order_by(draw, inside=inside)),
        (0.4, lambda: _sample(draw)),
        (0.05, lambda: models.TextQuery(text=models.TextQueryInput(query=_words(draw)))),
        (0.2, lambda: _to_embed(draw)),
        (0.0 if inside else 0.8, lambda: _no_query(draw)),
    ]
    if has_prefetch:
        kinds += [(5.0, lambda: _fusion(draw)), (3.0, lambda: _formula(draw, inside=inside))]
    return draw.weighted(kinds)


def _raw_query(draw: Draw, using: str | None) -> Any:
    """Return an array, of a vector or around an id, or an id of any type."""
    if draw.chance(0.5):
        made = vector_for(draw, using)
        # A malformed multivector has rows of two lengths, which no array holds.
        return np.array(made) if isinstance(made, list) and not draw.malformed else made
    draw.tags.add("by id")
    id_ = draw.id()
    return np.array(id_) if type(id_) in (int, str) and draw.chance(0.2) else id_


def _no_query(draw: Draw) -> None:
    del draw


def _by_id(draw: Draw) -> models.ExtendedPointId:
    draw.tags.add("by id")
    return draw.valid_id()


def _example(draw: Draw, using: str | None) -> Any:
    if draw.chance(0.5):
        return vector_for(draw, using)
    return _by_id(draw)


def _recommend(draw: Draw, using: str | None) -> models.RecommendQuery:
    given = models.RecommendInput(
        positive=draw.some(lambda: _example(draw, using), 2, 1),
        negative=draw.maybe(lambda: draw.some(lambda: _example(draw, using), 2), 0.4),
        strategy=draw.maybe(lambda: draw.one(list(models.RecommendStrategy)), 0.6),
    )
    return models.RecommendQuery(recommend=given)


def _nearest(draw: Draw, using: str | None) -> models.NearestQuery:
    mmr = None
    if draw.chance(0.4):
        mmr = models.Mmr(diversity=draw.rng.uniform(0.1, 0.9), candidates_limit=ALL)
    return models.NearestQuery(nearest=_example(draw, using), mmr=mmr)


def _discover(draw: Draw, using: str | None) -> models.DiscoverQuery:
    given = models.DiscoverInput(target=_example(draw, using), context=_pairs(draw, using))
    return models.DiscoverQuery(discover=given)


def _context(draw: Draw, using: str | None, *, inside: bool) -> models.ContextQuery:
    # Most scores are 0: which of them are cut off says nothing.
    draw.unsteady |= inside
    return models.ContextQuery(context=_pairs(draw, using))


def _pairs(draw: Draw, using: str | None) -> list[models.ContextPair]:
    return draw.some(
        lambda: models.ContextPair(positive=_example(draw, using), negative=_example(draw, using)),
        2,
        1,
    )


def _feedback(draw: Draw, using: str | None) -> models.RelevanceFeedbackQuery:
    given = models.RelevanceFeedbackInput(
        target=_example(draw, using),
        feedback=draw.some(
            lambda: models.FeedbackItem(
                example=_example(draw, using), score=draw.rng.uniform(0.0, 1.0)
            ),
            3,
            2,
        ),
        strategy=models.NaiveFeedbackStrategy(
            naive=models.NaiveFeedbackStrategyParams(a=0.5, b=0.7, c=0.3)
        ),
    )
    return models.RelevanceFeedbackQuery(relevance_feedback=given)


def order_by(draw: Draw) -> Any:
    """Return an order by a payload key; in some calls one that names the tenant."""
    draw.tags.add("order")
    key = draw.key() if draw.names_tenant else draw.one(("n", "weight", "deep.a", "when"))
    if draw.chance(0.4):
        return key
    direction = draw.one((models.Direction.ASC, models.Direction.DESC))
    start = draw.rng.choice([None, 5, 100_000]) if key != "when" else None
    return models.OrderBy(key=key, direction=direction, start_from=start)


def _order_by(draw: Draw, *, inside: bool) -> models.OrderByQuery:
    draw.unsteady |= inside
    return models.OrderByQuery(order_by=order_by(draw))


def _sample(draw: Draw) -> models.SampleQuery:
    draw.unsteady = True
    return models.SampleQuery(sample=models.Sample.RANDOM)


def _fusion(draw: Draw) -> models.FusionQuery | models.RrfQuery:
    if draw.chance(0.3):
        return models.RrfQuery(rrf=models.Rrf(k=draw.rng.randint(1, 60)))
    return models.FusionQuery(fusion=draw.one(list(models.Fusion)))


def _formula(draw: Draw, *, inside: bool) -> models.FormulaQuery:
    draw.tags.add("formula")
    draw.unsteady |= inside
    return formula(draw, lambda: condition(draw, 1))


def _to_embed(draw: Draw) -> models.Document | models.Image | models.InferenceObject:
    draw.tags.add("inference")
    made: models.Document | models.Image | models.InferenceObject = draw.weighted(
        (
            (1.0, lambda: models.Document(text=_words(draw), model="qdrant/bm25")),
            (1.0, lambda: models.Document(text="x", model="none", options={"cache_dir": "/"})),
            (1.0, lambda: models.Image(image="/etc/hostname", model="none")),
            (1.0, lambda: models.InferenceObject(object="x", model="none")),
        )
    )
    return made


def _words(draw: Draw) -> str:
    return draw.one(("quarter", "note", str(draw.value())))
