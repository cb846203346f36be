"""Whether the time of a call tells that a victim's id exists: a side channel, not a verdict.

The same call is made with an id that a victim has and with one that nobody has, in turn, many
times. The ratio of the medians is given with a 99 % bootstrap interval; an interval that holds 1
shows no difference at this number of calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from .calls import Call
from .canaries import DENSE, VICTIMS
from .epochs import Pair

ROUNDS = 400
_RESAMPLED = 2000
_NOBODY = 955


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingRow:
    """Times of one method: medians in microseconds, their ratio, and its interval."""

    method: str
    foreign_us: float
    missing_us: float
    ratio: float
    low: float
    high: float


def _by_filter(id_: Any) -> models.Filter:
    return models.Filter(must=[models.HasIdCondition(has_id=[id_])])


_ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "retrieve": lambda id_: {"ids": [id_]},
    "count": lambda id_: {"count_filter": _by_filter(id_)},
    "query_points": lambda id_: {"query": id_, "using": DENSE},
    "set_payload": lambda id_: {"payload": {"note": "x"}, "points": [id_]},
    "delete": lambda id_: {"points_selector": [id_]},
}


def timing_rows(pair: Pair, seed: int, rounds: int = ROUNDS) -> list[TimingRow]:
    """Time each method with a foreign and a missing id, in turn; one row a method."""
    return [_row(pair, method, seed, rounds) for method in _ARGUMENTS]


def _row(pair: Pair, method: str, seed: int, rounds: int) -> TimingRow:
    pair.reset()
    foreign = pair.canaries.points(VICTIMS[0])[0].id
    rng = np.random.default_rng(seed)
    times = np.zeros((rounds, 2))
    for round_ in range(rounds):
        # Whichever comes second finds caches warm.
        for which in rng.permutation(2):
            times[round_, which] = _seconds(pair, method, (foreign, _NOBODY)[which])
    medians = np.median(times, axis=0)
    low, high = _interval(times, rng)
    return TimingRow(
        method=method,
        foreign_us=float(medians[0] * 1e6),
        missing_us=float(medians[1] * 1e6),
        ratio=float(medians[0] / medians[1]),
        low=low,
        high=high,
    )


def _seconds(pair: Pair, method: str, id_: Any) -> float:
    arguments = {"collection_name": pair.full.docs, **_ARGUMENTS[method](id_)}
    call = Call(method=method, arguments=arguments)
    begun = time.perf_counter()
    pair.full.answer(call)
    return time.perf_counter() - begun


def _interval(times: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Return the 99 % bootstrap interval of the ratio of medians; times: (rounds, 2)."""
    drawn = rng.integers(0, len(times), size=(_RESAMPLED, len(times)))
    medians = np.median(times[drawn], axis=1)
    low, high = np.quantile(medians[:, 0] / medians[:, 1], [0.005, 0.995])
    return float(low), float(high)
