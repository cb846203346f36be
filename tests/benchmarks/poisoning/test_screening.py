"""What is admitted and taken back later counts as held, and what was there before counts apart."""

import numpy as np
from ragbastion.benchmarks.poisoning.screening import Arrival, Ruling, take_back
from ragbastion.benchmarks.poisoning.world import Doc, Party
from ragbastion.core.verdict import Decision

HELD = Ruling(decision=Decision.QUARANTINE, kinds={"outlier.a": Decision.QUARANTINE})


def test_a_taken_one_keeps_what_was_said_of_it() -> None:
    """Its flags stay beside the new finding; a document that came before is returned."""
    doc = Doc(id="a", text="a", party=Party(name="p", opened=400))
    arrivals = [Arrival(doc=doc, vector=np.zeros(2, dtype=np.float32), day=400)]
    rulings = [Ruling(decision=Decision.FLAG, kinds={"outlier.b": Decision.FLAG})]
    assert take_back(arrivals, rulings, {"a": HELD, "old": HELD}) == {"old": HELD}
    assert rulings[0].held
    assert rulings[0].signals == ("outlier.a", "outlier.b")
