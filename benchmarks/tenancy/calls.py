"""Calls of every method that works on points, with generated arguments.

One seed gives one history. The source of random numbers is any `random.Random`: a seeded one for
the mass of a run, hypothesis's own where a test wants a failing history made small.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from . import writes
from .canaries import DENSE, SECOND
from .draw import Draw, Known
from .filters import user_filter
from .queries import ALL, order_by, query_fields

PLAIN = "plain"
"""The tag of a call that tries nothing in particular."""

TAGS = {
    PLAIN: "one's own data, without a filter or with a plain one",
    "foreign id": "an id of a victim, as it is given or as it is stored",
    "by id": "a query by a point's id, one's own or another's",
    "widening": "a filter with should, must_not or min_should",
    "nested": "filters in filters, and conditions on nested objects",
    "tenant key": "a filter or key that names the tenant or what a guard writes, however spelled",
    "prefetch": "prefetches, nested up to three deep, each with a filter and a query of its own",
    "lookup": "lookup_from and with_lookup",
    "order": "an order by a payload key",
    "offset": "a page that starts at an id",
    "formula": "scores computed from payload keys and conditions",
    "idf": "word frequencies over another corpus",
    "inference": "objects to be embedded, in place of vectors",
    "forged": "a payload that claims to be another tenant's",
    "malformed": "wrong types, dimensions and names, shard keys, filters of great depth",
    "collection": "another collection: the victims' own, a missing one, a path",
}
"""What attacks consist of; a call counts in the column of each of its tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the client under test.

    ``tags``: what the attack consists of. ``unordered``: the engine orders the answer as it likes.
    ``unsteady``: it may also choose what is in it, so that two right answers can differ.
    """

    method: str
    arguments: dict[str, Any]
    tags: frozenset[str] = frozenset()
    unordered: bool = False
    unsteady: bool = False


def history(
    rng: random.Random, known: Known, length: int, methods: Collection[str] = ()
) -> Iterator[Call]:
    """Yield calls of all methods, or of these; those that read come more often.

    What was deleted proves nothing, so most calls leave something to attack.
    """
    draw = Draw(rng, known)
    weighted = [
        (weight, lambda name=name: name)
        for name, (weight, _) in GENERATED.items()
        if name in methods or not methods
    ]
    for _ in range(length):
        yield generated(draw, draw.weighted(weighted))


def generated(draw: Draw, method: str) -> Call:
    """Return one call of the method."""
    draw.begin()
    _, arguments = GENERATED[method]
    made = {"collection_name": _collection(draw), **arguments(draw)}
    if draw.malformed and draw.chance(0.1) and method not in _NO_SHARDS:
        draw.tags.add("malformed")
        made["shard_key_selector"] = "globex"
    return Call(
        method=method,
        arguments=made,
        tags=frozenset(draw.tags) or frozenset({PLAIN}),
        unordered=draw.unordered,
        unsteady=draw.unsteady,
    )


_NO_SHARDS = frozenset(
    {"batch_update_points", "collection_exists", "get_collection", "query_batch_points"}
)


def _collection(draw: Draw) -> str:
    if draw.chance(0.94):
        return draw.known.docs
    draw.tags.add("collection")
    return draw.one((draw.known.shadow, draw.known.shadow, "missing", "../docs"))


def _selection(draw: Draw) -> dict[str, Any]:
    exclude = models.PayloadSelectorExclude(exclude=[draw.known.tenant_key])
    payload = draw.one((True, True, True, False, ["text", "n"], exclude))
    return {"with_payload": payload, "with_vectors": draw.one((False, True, [DENSE, SECOND]))}


def _query_points(draw: Draw) -> dict[str, Any]:
    fields = query_fields(draw, raw=True)
    return {
        "query": fields["query"],
        "using": fields["using"],
        "prefetch": fields["prefetch"],
        "query_filter": fields["filter"],
        "search_params": fields["params"],
        "lookup_from": fields.get("lookup_from"),
        "limit": draw.one((10, ALL, 3, 1)),
        "score_threshold": 0.3 if _scored(fields["query"]) and draw.chance(0.2) else None,
        **_selection(draw),
    }


def _scored(query: object) -> bool:
    return query is not None and not isinstance(query, models.OrderByQuery)


def _paged(draw: Draw) -> dict[str, Any]:
    return {**_query_points(draw), "offset": draw.one((None, None, None, 2))}


def _groups(draw: Draw) -> dict[str, Any]:
    draw.unordered = True
    made = _query_points(draw)
    made["limit"] = ALL
    if draw.chance(0.06):
        draw.tags.add("lookup")
        made["with_lookup"] = draw.one((draw.known.docs, draw.known.shadow))
    key = draw.key() if draw.chance(0.3) else draw.one(("group", "topic", "n"))
    return {"group_by": key, "group_size": draw.one((1, 3, ALL)), **made}


def _request(draw: Draw) -> models.QueryRequest:
    fields = query_fields(draw, raw=False)
    selection = _selection(draw)
    return models.QueryRequest(
        **fields,
        limit=draw.one((10, ALL)),
        with_payload=selection["with_payload"],
        with_vector=selection["with_vectors"],
    )


def _scroll(draw: Draw) -> dict[str, Any]:
    order = draw.maybe(lambda: order_by(draw), 0.25)
    offset = None if order is not None and draw.chance(0.9) else draw.maybe(draw.id, 0.3)
    if offset is not None:
        draw.tags.add("offset")
    return {
        "scroll_filter": user_filter(draw),
        "limit": draw.one((10, ALL, 3, 1)),
        "order_by": order,
        "offset": offset,
        **_selection(draw),
    }


def _matrix(draw: Draw) -> dict[str, Any]:
    sample = draw.one((ALL, ALL, 4))
    draw.unordered = True
    draw.unsteady = sample != ALL
    return {
        "query_filter": user_filter(draw),
        "limit": draw.rng.randint(1, 4),
        "sample": sample,
        "using": draw.dense_name(),
    }


def _written(draw: Draw, arguments: dict[str, Any]) -> dict[str, Any]:
    if draw.chance(0.15):
        arguments["update_filter"] = user_filter(draw)
    return arguments


def _upsert(draw: Draw) -> dict[str, Any]:
    mode = draw.maybe(lambda: draw.one(list(models.UpdateMode)), 0.2)
    return _written(draw, {"points": writes.points_or_batch(draw), "update_mode": mode})


def _upload_collection(draw: Draw) -> dict[str, Any]:
    listed = writes.points(draw)
    return {
        "vectors": [each.vector for each in listed],
        "payload": [each.payload for each in listed],
        "ids": [each.id for each in listed],
    }


Arguments = Callable[[Draw], dict[str, Any]]

GENERATED: dict[str, tuple[float, Arguments]] = {
    "retrieve": (6.0, lambda d: {"ids": d.some(d.id, 4), **_selection(d)}),
    "scroll": (8.0, _scroll),
    "count": (8.0, lambda d: {"count_filter": user_filter(d), "exact": d.chance(0.5)}),
    "query_points": (20.0, _paged),
    "query_batch_points": (
        5.0,
        lambda d: {"requests": d.some(lambda: _request(d), 2, 1)},
    ),
    "query_points_groups": (6.0, _groups),
    "facet": (
        7.0,
        lambda d: {
            "key": d.key(),
            "facet_filter": user_filter(d),
            "limit": d.one((10, ALL)),
            "exact": d.chance(0.5),
        },
    ),
    "search_matrix_pairs": (1.2, _matrix),
    "search_matrix_offsets": (1.2, _matrix),
    "upsert": (6.0, _upsert),
    "upload_points": (2.0, lambda d: _written(d, {"points": writes.points(d)})),
    "upload_collection": (2.0, _upload_collection),
    "delete": (1.5, lambda d: {"points_selector": writes.chosen(d)}),
    "set_payload": (
        3.0,
        lambda d: {"payload": writes.payload(d), "points": writes.chosen(d), "key": writes.path(d)},
    ),
    "overwrite_payload": (
        2.0,
        lambda d: {"payload": writes.payload(d), "points": writes.chosen(d)},
    ),
    "delete_payload": (1.5, lambda d: {"keys": writes.keys(d), "points": writes.chosen(d)}),
    "clear_payload": (1.5, lambda d: {"points_selector": writes.chosen(d)}),
    "update_vectors": (2.0, lambda d: _written(d, {"points": writes.moved(d)})),
    "delete_vectors": (
        1.5,
        lambda d: {"vectors": writes.vector_names(d), "points": writes.chosen(d)},
    ),
    "batch_update_points": (
        3.0,
        lambda d: {"update_operations": d.some(lambda: writes.operation(d), 3, 1)},
    ),
    "collection_exists": (1.0, lambda _: {}),
    "get_collection": (1.5, lambda _: {}),
}
"""Each method that works on points with its share of the calls and the maker of its arguments."""
