"""Whether two rankings differ only in which of the points that tie were cut off.

Points of one score come in the order of the engine's sort, which depends on the length of its
arrays. So where two answers differ, the same query is asked again without a limit: if the whole
rankings agree, and each answer shows points at their scores in it, nothing was given away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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
