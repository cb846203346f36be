"""Rebuilds a victim's vector from scores on one's own points, where a query by its id is answered.

A tenant's filter on the results does not hold this: the vector of the id is looked up past it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qdrant_client import models

from .answers import REBUILT, cosine
from .calls import Call
from .canaries import ATTACKER, DENSE, VICTIMS
from .epochs import Pair
from .findings import Finding, Kind, Tally
from .queries import ALL

_TAGS = frozenset({"by id", "foreign id"})


def attack_by_scores(pair: Pair, seed: int, tally: Tally) -> None:
    """Query by each id of a victim, as given and as stored, and solve for its vector."""
    pair.reset()
    canaries = pair.canaries
    victims: list[Any] = [p for tenant in VICTIMS for p in canaries.points(tenant)]
    wanted = {str(point.id): point.vector[DENSE] for point in victims}
    wanted |= {stored: None for stored in pair.stored if stored not in wanted}
    for id_, vector in wanted.items():
        given = int(id_) if id_.isdigit() else id_
        for query in (
            given,
            models.RecommendQuery(recommend=models.RecommendInput(positive=[given])),
        ):
            call = Call(
                method="query_points",
                arguments={
                    "collection_name": pair.full.docs,
                    "query": query,
                    "using": DENSE,
                    "limit": ALL,
                },
                tags=_TAGS,
            )
            answer = pair.full.answer(call)
            rebuilt = _rebuilt(pair, answer.value) if answer.error is None else None
            near = _nearest(rebuilt, [vector] if vector else _vectors(victims))
            found = None
            if near > REBUILT:
                found = Kind.VECTOR, f"a victim's vector was rebuilt from scores, cosine {near:.4f}"
            tally.count(
                call.method,
                _TAGS,
                raised=answer.error is not None,
                kind=found[0] if found else None,
            )
            if found:
                place = f"seed {seed}, query by each foreign id"
                tally.findings.append(Finding.of(pair.subject.name, call, *found, place=place))


def _vectors(victims: list[Any]) -> list[list[float]]:
    return [point.vector[DENSE] for point in victims]


def _rebuilt(pair: Pair, response: Any) -> list[float] | None:
    """Return the vector whose cosines with one's own points are these scores, if it is known."""
    own: dict[str, Any] = {str(p.id): p.vector for p in pair.canaries.points(ATTACKER)}
    known = [(own[str(hit.id)][DENSE], hit.score) for hit in response.points if str(hit.id) in own]
    if not known or len(known) < len(known[0][0]):
        return None
    rows = np.array([np.array(vector) / np.linalg.norm(vector) for vector, _ in known])
    solved, *_ = np.linalg.lstsq(rows, np.array([score for _, score in known]), rcond=None)
    return [float(each) for each in solved]


def _nearest(rebuilt: list[float] | None, vectors: list[list[float]]) -> float:
    return max(cosine(rebuilt, each) for each in vectors) if rebuilt else 0.0
