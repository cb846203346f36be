"""Small attacks: a handful of histories on one kind of client."""

import warnings
from collections.abc import Callable, Collection, Iterator

import pytest
from ragbastion.benchmarks.tenancy.canaries import Canaries
from ragbastion.benchmarks.tenancy.epochs import Pair, run_history
from ragbastion.benchmarks.tenancy.findings import Tally
from ragbastion.benchmarks.tenancy.subjects import Subject

SEED = 7
Attacked = Callable[..., Tally]
PairOf = Callable[[Subject], Pair]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Local mode warns of parameters that it does not need."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Local mode|Payload indexes", category=UserWarning
        )
        yield


@pytest.fixture
def pair_of() -> Iterator[PairOf]:
    """Return a maker of stores with and without victims; they are closed afterwards."""
    made: list[Pair] = []

    def pair(subject: Subject) -> Pair:
        made.append(Pair(subject, Canaries(SEED)))
        return made[-1]

    yield pair
    for each in made:
        each.close()


@pytest.fixture
def attacked(pair_of: PairOf) -> Attacked:
    """Return a function that attacks a subject until it leaks, or histories are used up."""

    def attack(subject: Subject, methods: Collection[str] = (), most: int = 20) -> Tally:
        pair, tally = pair_of(subject), Tally()
        pair.methods = frozenset(methods)
        for number in range(most):
            run_history(pair, SEED, number, tally, length=50)
            if tally.leaks:
                break
        return tally

    return attack
