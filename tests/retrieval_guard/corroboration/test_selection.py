"""No voice outvotes the others, no text counts twice, an echo stands behind."""

from __future__ import annotations

from ragbastion.retrieval_guard import CollectionFacts

from .cases import NEW, NOW, Case, heard, served, towards


def test_one_voice_gives_no_more_than_its_cap() -> None:
    """The third passage of a source makes way for another source."""
    cases = [Case("loud", score=0.9 - at / 10) for at in range(4)] + [Case("desk", score=0.1)]
    answer = heard(cases)
    assert answer.chosen == (0, 1, 4)
    assert [(each.index, each.step) for each in answer.dropped] == [
        (2, "source_cap"),
        (3, "source_cap"),
    ]


def test_the_share_follows_the_limit() -> None:
    """Two of five are four of ten."""
    assert len(served([Case("loud") for _ in range(12)], limit=10)) == 4


def test_a_single_voice_may_fill_all() -> None:
    """Where there is one voice only, its passages are served by rank."""
    facts = CollectionFacts(now=NOW, founded=0.0, established=1, sources=1)
    cases = [Case("only", score=1 - at / 10) for at in range(6)]
    assert served(cases, facts=facts) == [0, 1, 2, 3, 4]


def test_passages_without_proof_count_as_one_voice() -> None:
    """A source that nobody has verified cannot be many by naming itself differently."""
    cases = [Case(f"s{at}", more={"verified": False}) for at in range(5)]
    answer = heard(cases)
    assert answer.chosen == (0, 1)
    assert answer.passages[0].marks == ("unverified",)


def test_equal_texts_of_two_sources_count_once() -> None:
    """A text that differs in case, spacing and punctuation only is served once, by rank."""
    cases = [Case("b", "the  code is: 42", 0.8), Case("a", "The code is 42.", 0.9)]
    answer = heard(cases)
    assert answer.chosen == (1,)
    assert [(each.index, each.step) for each in answer.dropped] == [(0, "duplicate")]


def test_a_sign_makes_another_text() -> None:
    """Texts of the same words whose numbers differ in sign or point are two."""
    cases = [Case("a", "Profit: -5 %"), Case("b", "Profit: 5 %"), Case("c", "Profit: 1.5 %")]
    assert served([*cases, Case("d", "Profit: 1 5 %")]) == [0, 1, 2, 3]


def test_invisible_characters_make_no_other_text() -> None:
    """A copy in disguise is a copy."""
    assert served([Case("a", "The code is 42."), Case("b", "The co\u200bde is 42.")]) == [0]


def test_a_voice_that_repeats_itself_counts_once() -> None:
    """Two near passages of one voice are one, and the better is served."""
    cases = [
        Case("a", score=0.9, vector=towards(0)),
        Case("a", score=0.8, vector=towards(0.1)),
        Case("a", score=0.7, vector=towards(1.5)),
    ]
    assert served(cases) == [0, 2]


def test_a_swapped_fact_does_not_silence_the_truth() -> None:
    """A near passage of another voice is served beside the one that ranks first."""
    cases = [
        Case("bad", "It opened in 1931.", 0.9, vector=towards(0)),
        Case("good", "It opened in 1930.", 0.8, vector=towards(0.05)),
    ]
    assert served(cases) == [0, 1]


def test_many_voices_that_say_much_the_same_are_two_passages() -> None:
    """Five sources of one author get no more than one may give; others fill up."""
    cases = [Case(f"s{at}", score=0.9, vector=towards(at / 10)) for at in range(5)]
    answer = heard([*cases, Case("honest", vector=towards(1.5))])
    assert answer.chosen == (0, 1, 5)
    assert {each.step for each in answer.dropped} == {"alike"}


def test_an_echo_stands_behind_every_other_passage() -> None:
    """A passage that repeats the question is served only where room is left."""
    query = "how many episodes are in season four"
    cases = [
        Case("a", f"{query}. There are ninety.", 0.99),
        Case("b", "Ninety.", 0.2),
        Case("c", "Eighty.", 0.2),
    ]
    roomy = heard(cases, query=query, limit=3)
    assert served(cases, query=query, limit=2) == [1, 2]
    assert roomy.chosen == (1, 2, 0)
    assert not roomy.filled(3)
    assert roomy.passages[2].marks == ("echo",)


def test_equal_scores_favour_the_established_and_the_older() -> None:
    """A tie cannot be won by being new."""
    cases = [Case("late", opened=NOW - 50 * 86_400), Case("early"), Case("new", opened=NEW)]
    assert served(cases, probation="cap") == [1, 0, 2]


def test_one_voice_silences_none_even_where_the_cap_is_one() -> None:
    """Of three passages each voice gives one, and one voice's likeness to another drops nobody."""
    cases = [Case(f"s{at}", score=0.9 - at / 9, vector=towards(at / 20)) for at in range(3)]
    assert served(cases, limit=3) == [0, 1]


def test_what_is_new_or_unproved_changes_nothing_among_the_established() -> None:
    """A swarm of near, equal and better ranked newcomers costs the established the last places."""
    honest = [Case(f"h{at}", f"Fact {at}.", 0.8 - at / 100) for at in range(6)]
    swarm = [
        Case(f"x{at}", f"Fact {at}!", 0.95, NEW, more={"verified": at % 2 == 0}) for at in range(6)
    ]
    alone = served(honest)
    kept = [at for at in served([*honest, *swarm], probation="cap") if at < len(honest)]
    assert kept == alone[: len(kept)]
    assert len(kept) == len(alone) - 1
