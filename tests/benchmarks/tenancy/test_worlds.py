"""The truth is read past the client under test, and every harm to it has its name."""

from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from ragbastion.benchmarks.tenancy.canaries import ATTACKER, VICTIMS, Canaries
from ragbastion.benchmarks.tenancy.findings import Kind
from ragbastion.benchmarks.tenancy.subjects import NAIVE

from .conftest import PairOf

Harm = Callable[[QdrantClient], Any]
FOREIGN = Canaries(7).points(VICTIMS[0])[0].id
OWN = Canaries(7).points(ATTACKER)[0].id


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda c: c.delete("docs", [FOREIGN]), "is gone"),
        (lambda c: c.set_payload("docs", {"topic": "mine"}, [FOREIGN]), "was changed"),
        (lambda c: c.delete_vectors("docs", ["dense"], [FOREIGN]), "was changed"),
        (lambda c: c.set_payload("docs", {"tenant": VICTIMS[0]}, [OWN]), "was planted"),
        (lambda c: c.set_payload("docs", {"tenant": ["acme", VICTIMS[1]]}, [OWN]), "was planted"),
        (lambda c: c.delete_collection("docs"), "cannot be read"),
        (lambda c: c.close(), "cannot be read"),
    ],
)
def test_harm_is_seen_and_mended(harm: Harm, told: str, pair_of: PairOf) -> None:
    """What a call did to the victims is told; the next history finds the stores as planned."""
    pair = pair_of(NAIVE)
    harm(pair.full.raw)
    kind, detail = pair.truth() or ("", "")
    assert kind == Kind.CHANGE
    assert told in detail
    pair.reset()
    assert pair.truth() is None


def test_own_writes_are_no_harm(pair_of: PairOf) -> None:
    """What both stores hold alike of the attacker's is its own."""
    pair = pair_of(NAIVE)
    for world in (pair.full, pair.twin):
        world.raw.delete("docs", [OWN])
    assert pair.truth() is None


def test_a_write_that_differs_is_told(pair_of: PairOf) -> None:
    """A point that is written only where the victims are tells of them."""
    pair = pair_of(NAIVE)
    pair.full.raw.set_payload("docs", {"note": "only here"}, [OWN])
    kind, _ = pair.truth() or ("", "")
    assert kind == Kind.DIFFERENCE


def test_tenants_share_no_value(pair_of: PairOf) -> None:
    """Ids, numbers and texts of one tenant are nowhere among another's."""
    canaries = Canaries(7)
    own, foreign = canaries.points(ATTACKER), canaries.points(VICTIMS[0])
    assert not {str(p.id) for p in own} & {str(p.id) for p in foreign}
    assert not canaries.numbers & {(p.payload or {})["n"] for p in own}
    assert {type(p.id) for p in foreign} == {int, str}
    text = repr([p.payload for p in own])
    assert not [marker for marker in canaries.markers if marker in text]


def test_the_twin_lacks_the_victims_alone(pair_of: PairOf) -> None:
    """The attacker's and the bystander's points are in both."""
    pair = pair_of(NAIVE)
    counts = [world.raw.count("docs").count for world in (pair.full, pair.twin)]
    gone = sum(len(Canaries(7).points(tenant)) for tenant in VICTIMS)
    assert counts[0] - counts[1] == gone == len(pair.stored)
    named = models.Filter(must=[models.HasIdCondition(has_id=[FOREIGN])])
    assert [w.raw.count("docs", named).count for w in (pair.full, pair.twin)] == [1, 0]
