"""Attacks on a collection of four passages: who is served, what is gold, what is certified."""

from collections.abc import Sequence

import numpy as np
from ragbastion.benchmarks.poisoning.budgets import Budget
from ragbastion.benchmarks.poisoning.caps import no_guard, source_cap
from ragbastion.benchmarks.poisoning.collection import Collection
from ragbastion.benchmarks.poisoning.contexts import Choice, Pool
from ragbastion.benchmarks.poisoning.families import Attack
from ragbastion.benchmarks.poisoning.methods import Method, gate_of, open_gate, own_gate
from ragbastion.benchmarks.poisoning.screening import Arrival, Ruling
from ragbastion.benchmarks.poisoning.trial import Attacker, Trial, as_json, from_json
from ragbastion.benchmarks.poisoning.world import Doc, Party, World
from ragbastion.core.chunk import Matrix
from ragbastion.core.verdict import Decision

PLACES = {"q": [1.0, 0.0], "gold": [0.9, 0.1], "b": [0.5, 0.5], "c": [0.1, 0.9], "d": [0.0, 1.0]}


def embed(texts: Sequence[str]) -> Matrix:
    """Give every text its place; poison lies where the question is."""
    return np.array([PLACES.get(text, [1.0, 0.0]) for text in texts], dtype=np.float32)


class Watchful:
    """Holds texts that say so, and flags others that say so."""

    def judge(self, arrivals: Sequence[Arrival]) -> list[Ruling]:
        """Go by the text alone."""
        held = Ruling(decision=Decision.QUARANTINE, kinds={"outlier.word": Decision.QUARANTINE})
        recalling = any(each.doc.text == "recall" for each in arrivals)
        self.recalled = {"poison/0": held, "gold": held} if recalling else {}
        said = {"hold": Decision.QUARANTINE, "flag": Decision.FLAG}
        found = [said.get(each.doc.text.split()[0]) for each in arrivals]
        return [Ruling(decision=d, kinds={"outlier.word": d}) if d else Ruling() for d in found]

    def taken_back(self) -> dict[str, Ruling]:
        """Take back the first poison and the gold once it is said."""
        return self.recalled

    def learn(self, arrivals: Sequence[Arrival]) -> None:
        """Nothing is learnt."""

    def fork(self) -> "Watchful":
        """There is no state."""
        return self


def collection() -> Collection:
    """Return four passages by four publishers, one of them gold."""
    docs = tuple(
        Doc(id=name, text=name, party=Party(name=f"of {name}", opened=0))
        for name in ("gold", "b", "c", "d")
    )
    world = World(
        docs=docs,
        reserve=(),
        gold={"q": frozenset({"gold"})},
        probes=(),
        unaimed=(),
        history=(),
        by_id={doc.id: doc for doc in docs},
    )
    return Collection(world, embed([doc.text for doc in docs]), [Ruling()] * 4)


def boastful(pool: Pool, limit: int) -> Choice:
    """Serve the best and certify that nobody is bad."""
    return Choice(places=no_guard(pool, limit).places, certified=lambda _: 0)


METHODS = [
    Method(name="none", how="", gate=open_gate, choose=no_guard),
    Method(name="held", how="", gate=own_gate, choose=no_guard),
    Method(name="word", how="", gate=gate_of("outlier.word"), choose=no_guard),
    Method(name="cap", how="", gate=open_gate, choose=source_cap),
    Method(name="boast", how="", gate=open_gate, choose=boastful),
]


def tried(texts: tuple[str, ...], budget: Budget) -> Trial:
    """Run one attack on the question."""
    attacker = Attacker(collection(), Watchful(), [], METHODS, embed, 7)
    return attacker.trial("f", [Attack(texts=texts, questions=("q",))], budget)


def test_poison_takes_the_places_that_it_ranks_for() -> None:
    """Three of five; what is held or reported does not come in."""
    found = tried(("hold one", "flag two", "three"), Budget.ONE_SOURCE).asked
    assert {name: found[name][0].poison for name in ("none", "held", "word", "cap")} == {
        "none": 3,
        "held": 2,
        "word": 1,
        "cap": 1,
    }
    assert found["none"][0].served == 5


def test_what_is_taken_back_is_held_from_then_on() -> None:
    """It is out of the collection when questions are asked, for whom its finding holds."""
    trial = tried(("one", "two", "recall"), Budget.SYBIL)
    poison = {name: trial.asked[name][0].poison for name in ("none", "held", "word")}
    assert poison == {"none": 3, "held": 2, "word": 2}
    assert [ruling.held for ruling in trial.rulings[0]] == [True, False, False]
    assert (trial.asked["none"][0].kept, trial.asked["held"][0].kept) == (1, 0)
    assert trial.clean_taken_back == 1


def test_one_document_is_the_first() -> None:
    """The budget buys no more."""
    trial = tried(("one", "two"), Budget.ONE_DOC)
    assert trial.asked["none"][0].poison == 1
    assert [len(attack) for attack in trial.rulings] == [1]


def test_gold_is_counted_among_ten() -> None:
    """It is pushed down and still there."""
    asked = tried(tuple("12345"), Budget.SYBIL).asked["none"][0]
    assert (asked.poison, asked.kept, asked.gold) == (5, 1, 1)


def test_a_wrong_certificate_is_seen() -> None:
    """A cap's holds against five sources; a boast does not."""
    asked = tried(tuple("12345"), Budget.SYBIL).asked
    assert (asked["cap"][0].bound, asked["cap"][0].violated) == (5, False)
    assert asked["boast"][0].violated
    assert asked["none"][0].bound is None


def test_a_trial_survives_the_disk() -> None:
    """As JSON and back it is the same."""
    trial = tried(("hold one", "two"), Budget.DRIP)
    assert from_json(as_json(trial)) == trial
