"""The clean collection: seeded, with newcomers, a reserve, and questions nobody attacks."""

from ragbastion.benchmarks.poisoning.world import World, world_of

from .conftest import row

ROWS = [
    *(
        row(id=f"g{at}", question=f"q{at}", gold=True, correct="x", publisher=f"p{at}")
        for at in range(60)
    ),
    *(row(id=f"n{at}", text=f"Text {at}.", publisher=f"p{at % 60}") for at in range(240)),
]


def built(seed: int = 7) -> World:
    """Return the collection of all rows, with two questions attacked."""
    return world_of(ROWS, probes=10, attacked={"q0", "q1"}, seed=seed)


def test_the_same_seed_builds_the_same() -> None:
    """Another seed draws other questions."""
    assert built() == built()
    assert built().probes != built(8).probes


def test_the_reserve_is_not_stored_and_is_no_gold() -> None:
    """A tenth of all, apart from the stored ones."""
    world = built()
    stored = {doc.id for doc in world.docs}
    reserved = {doc.id for doc in world.reserve}
    assert (len(reserved), len(stored)) == (30, 270)
    assert not reserved & stored
    assert not reserved & {each for gold in world.gold.values() for each in gold}


def test_probes_and_history_are_apart_from_what_is_attacked() -> None:
    """No question is in two of them."""
    world = built()
    assert len(world.probes) == 10
    assert not {"q0", "q1"} & {*world.probes, *world.history}
    assert not set(world.probes) & set(world.history)
    assert not {*world.probes, *world.history, "q0", "q1"} & set(world.unaimed)


def test_a_twentieth_of_the_publishers_is_new() -> None:
    """A publisher is new with all that it wrote."""
    parties = {doc.party.name: doc.party for doc in (*built().docs, *built().reserve)}
    new = [party for party in parties.values() if party.new]
    assert len(new) == round(len(parties) * 0.05)


def test_named_questions_are_the_probes() -> None:
    """They are asked whether or not they have gold."""
    assert world_of(ROWS, probes=("what else",), attacked=(), seed=7).probes == ("what else",)
