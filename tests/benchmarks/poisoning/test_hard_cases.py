"""Clean documents that look like poison: seeded, one source a set, real ones where there are."""

from ragbastion.benchmarks.poisoning.hard_cases import CATALOGUE, FAQ, NEWS, hard_cases, newcomers

from .conftest import row

ROWS = [
    *(
        row(file="clean_pubmedqa", id=f"p{at}", publisher=f"paper {at // 4}", text=f"Section {at}.")
        for at in range(12)
    ),
    *(row(id=f"g{at}", question=f"who is {at}", gold=True, text=f"It is {at}.") for at in range(9)),
    *(row(id=f"w{at}", question="who is Ada", text=f"Ada page {at}.") for at in range(6)),
]


def test_each_set_has_one_honest_source() -> None:
    """And the same seed makes the same."""
    cases = hard_cases(ROWS, 7)
    assert {NEWS, FAQ, CATALOGUE, "sections of one paper", "web pages on one person"} <= set(cases)
    for sets in cases.values():
        assert all(len({doc.party for doc in docs}) == 1 for docs in sets)
        assert not any(doc.poison or doc.party.new for docs in sets for doc in docs)
    assert cases == hard_cases(ROWS, 7)


def test_real_sets_are_of_one_paper_and_one_question() -> None:
    """Four sections of each paper; six pages on Ada."""
    cases = hard_cases(ROWS, 7)
    assert [len(docs) for docs in cases["sections of one paper"]] == [4, 4, 4]
    assert [len(docs) for docs in cases["web pages on one person"]] == [6]


def test_a_burst_can_come_from_a_newcomer() -> None:
    """The same texts, of sources opened today."""
    sets = hard_cases(ROWS, 7)[NEWS]
    new = newcomers(sets)
    assert [[d.text for d in docs] for docs in new] == [[d.text for d in docs] for docs in sets]
    assert all(doc.party.new for docs in new for doc in docs)
