"""Rows turned into families: by attack, with and without echo, aimed at one question or all."""

import pytest
from ragbastion.benchmarks.poisoning.families import Family, families_of, group_of

from .conftest import row


def poison(at: int, question: str = "", **fields: object) -> object:
    """Return a poison row."""
    known = {"file": "poison_x", "id": str(at), "text": f"text {at}", "label": 1, "attack": "x"}
    return row(**{**known, "question": question, **fields})


def found(*rows: object, count: int = 9) -> dict[str, Family]:
    """Return the families by name."""
    families = families_of(list(rows), ("p1", "p2"), count, 7)  # type: ignore[arg-type]
    return {family.name: family for family in families}


def test_texts_of_one_question_are_one_attack() -> None:
    """Five at most."""
    [family] = found(*(poison(at, "q") for at in range(7))).values()
    assert [len(attack.texts) for attack in family.attacks] == [5]
    assert family.questions == ["q"]


def test_crafted_texts_are_a_family_of_their_own() -> None:
    """Only where all rows have them."""
    named = found(poison(1, "q", crafted="c1"), poison(2, "q", crafted="c2"))
    assert named["x no echo"].texts == ["c1", "c2"]
    assert named["x no echo"].group == "rewritten"
    assert list(found(poison(1, "q", crafted="c1"), poison(2, "q"))) == ["x"]


def test_an_attack_of_two_files_is_two_families() -> None:
    """They are named by their files."""
    assert list(found(poison(1, "q"), poison(2, "q", file="poison_synth_y"))) == ["x", "y"]


def test_a_family_is_cut_to_the_questions_asked_for() -> None:
    """The same seed cuts the same."""
    rows = [poison(at, f"q{at}") for at in range(20)]
    assert len(found(*rows, count=4)["x"].attacks) == 4
    assert found(*rows, count=4) == found(*rows, count=4)


def test_poison_without_a_question_is_asked_for_by_all() -> None:
    """Hubs meet the honest questions, and a trigger is said before them."""
    hub = found(poison(1))["x"]
    assert (hub.group, hub.questions) == ("hub", ["p1", "p2"])
    triggered = found(poison(1, trigger="quillon"))["x"]
    assert triggered.questions == ["quillon p1", "quillon p2"]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("poisonedrag_bb", "echo"),
        ("synth_jamming_template", "template"),
        ("hotflip_single", "gibberish"),
        ("hotflip_hub", "hub"),
        ("swapped_fact", "stealth"),
        ("adaptive_rewrite", "rewritten"),
        ("unheard of", "rewritten"),
    ],
)
def test_a_name_tells_the_group(name: str, group: str) -> None:
    """What no name tells, the text does."""
    assert group_of(name, [poison(1, "q")]) == group  # type: ignore[list-item]


def test_a_question_in_the_text_is_an_echo() -> None:
    """Where the name says nothing."""
    assert group_of("unheard of", [poison(1, "text 1")]) == "echo"  # type: ignore[list-item]
