"""Which answers are shared, and by whom."""

from __future__ import annotations

import pytest
from ragbastion.retrieval_guard.corroboration.agreement import Question
from ragbastion.retrieval_guard.corroboration.answer_kind import AnswerKind, answer_kind
from ragbastion.retrieval_guard.corroboration.reading import Sentence, read

from .cases import NEW, Case, heard

ASKED = "When did the museum open?"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("How many episodes are in season 4?", AnswerKind.NUMBER),
        ("what is the population of Oslo", AnswerKind.NUMBER),
        ("When was it built?", AnswerKind.DATE),
        ("In which year was it built?", AnswerKind.DATE),
        ("who wrote it", AnswerKind.NAME),
        ("Where is it?", AnswerKind.NAME),
        ("Are both composers?", AnswerKind.YES_NO),
        ("refund rules", AnswerKind.ANY),
        ("Wie viele Folgen gibt es?", AnswerKind.ANY),
    ],
)
def test_what_a_question_asks_for(query: str, kind: AnswerKind) -> None:
    """Question words tell, and what tells nothing asks for anything."""
    assert answer_kind(query) is kind


@pytest.mark.parametrize(
    ("query", "text", "claims"),
    [
        (ASKED, "The museum opened in 1931, on May 27.", {("date", "1931"), ("date", "05-27")}),
        (ASKED, "The museum opened. It has 40 rooms.", set()),
        (ASKED, "Refunds take 14 days.", set()),
        ("How many rooms has the museum?", "The museum has forty-two, or 1,200 rooms.",
         {("number", "two"), ("number", "1200")} - {("number", "two")} | {("number", "2")}),
        ("Who leads the museum?", "The museum is led by Ada Byron.",
         {("name", "ada"), ("name", "byron")}),
        ("Is the museum open?", "The museum is not open.", {("says", "no")}),
    ],
)  # fmt: skip
def test_claims(query: str, text: str, claims: set[tuple[str, str]]) -> None:
    """Claims are of the kind asked for, from the sentences that are about the question."""
    question = Question(query)
    assert question.claims(question.answering(read(text))) == claims


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234.50 and -7", {"1234.50", "-7"}),
        ("1990-1995", {"1990", "1995"}),
        ("It costs 5.", {"5"}),
        ("twelve of them, one by one", {"12"}),
        ("no number", set()),
    ],
)
def test_numbers(text: str, numbers: set[str]) -> None:
    """Numbers are compared in digits, with their sign."""
    assert Sentence(text).numbers == numbers


def test_support_counts_other_established_voices() -> None:
    """A passage's own voice, and sources in probation, lend it nothing."""
    cases = [
        Case("a", "The museum opened in 1931.", 0.9),
        Case("a", "In 1931 the museum was opened.", 0.8),
        Case("b", "The museum opened its doors in 1931.", 0.7),
        Case("new", "The museum opened, we think, in 1931.", 0.6, NEW),
    ]
    answer = heard(cases, query=ASKED)
    assert [each.support for each in answer.passages] == [1, 1, 1]


def test_a_lone_answer_is_marked_and_a_passage_without_one_is_not() -> None:
    """Only what answers, and differently from all others, is lone."""
    cases = [
        Case("a", "The museum opened in 1931."),
        Case("b", "The museum opened in 1931, they say."),
        Case("c", "The museum opened in 1847."),
        Case("d", "The museum has a garden."),
    ]
    answer = heard(cases, query=ASKED)
    assert [("lone" in each.marks) for each in answer.passages] == [False, False, True, False]


@pytest.mark.parametrize(
    ("policy", "chosen", "marked"),
    [
        ("keep", (0, 1, 2, 3), False),
        ("mark", (0, 1, 2, 3), True),
        ("demote", (1, 2, 3, 0), True),
        ("drop", (1, 2, 3), False),
    ],
)
def test_lone_claims(policy: str, chosen: tuple[int, ...], marked: bool) -> None:
    """What becomes of an established source's lone answer is a setting."""
    cases = [
        Case("c", "The museum opened in 1847.", 0.9),
        Case("a", "The museum opened in 1931.", 0.8),
        Case("b", "The museum opened in 1931, they say.", 0.7),
        Case("d", "The museum has a garden.", 0.6),
    ]
    answer = heard(cases, query=ASKED, lone_claims=policy)
    assert answer.chosen == chosen
    assert any("lone" in each.marks for each in answer.passages) is marked


def test_hostile_text_is_only_text() -> None:
    """Nothing in a text makes reading fail."""
    odd = ["\x00\ud800", "‮" * 50, "1" * 9_000, "." * 9_000, "−", "-", "٣٤", "１２", "x’s’s’s"]
    answer = heard([Case(f"s{at}", text) for at, text in enumerate(odd)], query="?")
    assert answer.certificate.k == 5
