"""Where voices disagree, who says what."""

from __future__ import annotations

import pytest

from .cases import NEW, Case, heard, towards


def pair(one: str, other: str, *, query: str, source: str = "b", opened: float = 0.0) -> list[str]:
    """Return what the conflicts of two near passages are about."""
    cases = [
        Case("a", one, 0.9, vector=towards(0)),
        Case(source, other, 0.8, opened, vector=towards(0.1)),
    ]
    return [each.kind for each in heard(cases, query=query).conflicts]


@pytest.mark.parametrize(
    ("one", "other", "query", "kinds"),
    [
        ("The fair has 27 halls.", "The fair has 72 halls.", "How many halls has the fair?",
         ["number"]),
        ("The fair opened in 1893.", "The fair opened in 1898.", "When did the fair open?",
         ["date"]),
        ("The fair was led by Ada.", "The fair was led by Bob.", "Who led the fair?", ["name"]),
        ("The fair is free.", "The fair is not free.", "Is the fair free?", ["negation"]),
        ("The fair has 27 halls.", "All 27 halls of the fair.", "How many halls has the fair?",
         []),
        ("The fair has 27 halls.", "The fair has many halls.", "How many halls has the fair?",
         []),
    ],
)  # fmt: skip
def test_what_is_a_conflict(one: str, other: str, query: str, kinds: list[str]) -> None:
    """Passages that say much the same differ in what the question asks for."""
    assert pair(one, other, query=query) == kinds


def test_a_voice_does_not_contradict_itself() -> None:
    """Two passages of one source are no conflict."""
    query = "How many halls has the fair?"
    assert pair("The fair has 2 halls.", "The fair has 3 halls.", query=query, source="a") == []


def test_what_is_unlike_is_no_conflict() -> None:
    """Two fairs may have different numbers of halls."""
    cases = [Case("a", "The fair has 2 halls."), Case("b", "The fair has 3 halls.")]
    assert heard(cases, query="How many halls has the fair?").conflicts == ()


def test_a_conflict_tells_who_says_what() -> None:
    """Voices, passages and values of both sides, also of one that is not served."""
    cases = [
        Case("a", "The fair has 27 halls.", 0.8, vector=towards(0)),
        Case("x", "The fair has 72 halls.", 0.9, NEW, vector=towards(0.1)),
    ]
    answer = heard(cases, query="How many halls has the fair?")
    [conflict] = answer.conflicts
    assert conflict.as_dict(["p0", "p1"]) == {
        "kind": "number",
        "sides": [
            {"voice": "probation", "passage": "p1", "values": ["72"]},
            {"voice": "established:a", "passage": "p0", "values": ["27"]},
        ],
    }
    assert answer.chosen == (0,)
    assert answer.passages[0].marks == ("lone", "conflict")


def test_conflicts_are_few() -> None:
    """However many disagree, the ten of the best ranked are told."""
    cases = [
        Case(f"s{at}", f"The fair has {at} halls.", 0.9 - at / 99, vector=towards(at / 99))
        for at in range(2, 14)
    ]
    assert len(heard(cases, query="How many halls has the fair?").conflicts) == 10
