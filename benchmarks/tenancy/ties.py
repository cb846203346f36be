"""Whether two rankings differ only in which of the points that tie were cut off.

Points of one score come in the order of the engine's sort, which depends on the length of its
arrays. So where two answers differ, the same query is asked again without a limit: if the whole
rankings agree, and each answer shows points at their scores in it, nothing was given away. A fusion
scores by ranks, which follow the order of ties: there the rankings that it is made of must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from qdrant_client import models

from .answers import Answer, same
from .calls import Call
from .queries import ALL


def without_limit(call: Call) -> Call | None:
    """Return the search without limit, offset and size of groups; None for other methods."""
    if call.method not in {"query_points", "query_points_groups", "query_batch_points"}:
        return None
    whole = dict(call.arguments)
    whole |= {name: None for name in ("offset",) if name in whole}
    whole |= {name: ALL for name in ("limit", "group_size") if name in whole}
    if requests := whole.get("requests"):
        update = {"limit": ALL, "offset": None}
        whole["requests"] = [each.model_copy(update=update) for each in requests]
    return replace(call, arguments=whole)


def shown_as_ranked(answer: Answer, whole: Answer) -> bool:
    """Say whether each point of the answer stands in the whole ranking with its score."""
    shown, ranked = _rankings(answer.value), _rankings(whole.value)
    for name, hits in shown.items():
        scores = {str(hit.id): hit.score for hit in ranked.get(name, ())}
        if not all(same(hit.score, scores.get(str(hit.id))) for hit in hits):
            return False
    return True


def ranked_sources(call: Call) -> list[Call]:
    """Return the searches that a fusion or a rescoring starts from, each whole; none for others."""
    given = call.arguments
    tops = given.get("requests") or [given]
    found = [
        source
        for top in tops
        for source in _leaves(top.get("prefetch") if isinstance(top, dict) else top.prefetch)
    ]
    return [
        Call(
            method="query_points",
            arguments={
                "collection_name": given["collection_name"],
                "query": each.query,
                "using": each.using,
                "query_filter": each.filter,
                "search_params": each.params,
                "limit": ALL,
                "with_payload": False,
            },
        )
        for each in found
    ]


def _leaves(prefetch: Any) -> Iterator[models.Prefetch]:
    listed = prefetch if isinstance(prefetch, list) else [prefetch] if prefetch else []
    for each in listed:
        if each.prefetch:
            yield from _leaves(each.prefetch)
        else:
            yield each


def has_ties(whole: Answer) -> bool:
    """Say whether two points of a ranking have one score."""
    return any(
        same(before.score, after.score)
        for hits in _rankings(whole.value).values()
        for before, after in pairwise(hits)
    )


def all_ranked(answer: Answer, sources: Iterable[Answer]) -> bool:
    """Say whether each point of the answer stands in one of the rankings that it is made of."""
    known = {
        str(hit.id) for each in sources for hits in _rankings(each.value).values() for hit in hits
    }
    return all(str(hit.id) in known for hits in _rankings(answer.value).values() for hit in hits)


def same_scores(one: Answer, other: Answer) -> bool:
    """Say whether two answers have the same scores in the same places."""
    scores = [
        {name: [hit.score for hit in hits] for name, hits in _rankings(each.value).items()}
        for each in (one, other)
    ]
    return same(*scores)


def _rankings(value: Any) -> dict[str, list[Any]]:
    return {name: list(hits) for name, hits in _named(value)}


def _named(value: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, models.GroupsResult):
        yield from ((str(group.id), group.hits) for group in value.groups)
    elif isinstance(value, list):
        yield from ((str(place), each.points) for place, each in enumerate(value))
    else:
        yield "", value.points
