"""Our own attacks: seeded, and each what its name says."""

import random
from functools import cache

import numpy as np
import pytest
from ragbastion.benchmarks.poisoning.attacks import adaptive, facts, wordings
from ragbastion.benchmarks.poisoning.attacks.hotflip import FUNCTION_WORDS, Form, HotFlip
from ragbastion.benchmarks.poisoning.attacks.made import PLAIN, family
from ragbastion.benchmarks.poisoning.attacks.rewriting import mistyped, reordered, rewritten
from ragbastion.benchmarks.poisoning.attacks.targets import (
    Target,
    targets_of,
    topic_of,
    wrong_answer,
)
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder

from .conftest import row

TARGET = Target(
    question="when was the museum of Kelmouth opened",
    correct="1931",
    wrong="1847",
    passages=(
        (
            "The museum of Kelmouth was opened in 1931 by Ada Marrow. It holds 340 ships in "
            "bottles. Its library is open on Sundays. The roof was mended in 1999."
        ),
    ),
)


@cache
def embedder() -> SentenceTransformerEmbedder:
    """The shipped model, loaded once."""
    return SentenceTransformerEmbedder()


def rng() -> random.Random:
    """A fresh seeded source."""
    return random.Random(3)


@pytest.mark.parametrize("name", PLAIN)
def test_a_family_is_seeded(name: str) -> None:
    """The same seed makes the same texts, five at most, none empty."""
    group, maker = PLAIN[name]
    one, other = (family(name, group, [TARGET], maker, 7) for _ in range(2))
    assert one == other
    assert 0 < len(one.attacks[0].texts) <= 5
    assert all(text.strip() for text in one.texts)


def test_an_echo_holds_the_question_and_the_rest_do_not() -> None:
    """The echo's texts begin with it."""
    assert all(text.startswith(TARGET.question) for text in wordings.echo(TARGET, rng()))
    quiet = [*wordings.no_echo(TARGET, rng()), *wordings.jamming(TARGET, rng())]
    assert not any(TARGET.question in text for text in quiet)


def test_statements_say_the_wrong_answer_and_jamming_none() -> None:
    """Jamming gives neither answer."""
    assert all(TARGET.wrong in text for text in wordings.no_echo(TARGET, rng()))
    jammed = " ".join(wordings.jamming(TARGET, rng()))
    assert TARGET.wrong not in jammed
    assert TARGET.correct not in jammed


def test_a_swapped_answer_is_the_only_change() -> None:
    """Put back, the passage is the true one."""
    swapped = facts.answer(TARGET, rng())[0]
    assert swapped != TARGET.passages[0]
    assert swapped.replace("1847", "1931") == TARGET.passages[0]


@pytest.mark.parametrize(
    ("change", "gone"), [(facts.number, "340"), (facts.date, "19"), (facts.name, "Kelmouth")]
)
def test_one_fact_is_changed(change: wordings.Maker, gone: str) -> None:
    """A number, a year, a name: the words differ in that one alone."""
    before, after = TARGET.passages[0].split(), change(TARGET, rng())[0].split()
    changed = set(before) - set(after)
    assert any(gone in word for word in changed)
    assert len(changed) <= 2


def test_a_negation_denies_the_answer() -> None:
    """In the sentence that holds it."""
    assert "was not opened in 1931" in facts.negation(TARGET, rng())[0]


def test_typing_errors_spare_the_wrong_answer() -> None:
    """It must be readable."""
    assert "1847" in facts.typos(TARGET, rng())[0]
    assert mistyped("museum library harbour", rng(), 1.0, "library").split()[1] == "library"
    assert mistyped("museum library", rng(), 0.0) == "museum library"


def test_rewriting_changes_words_and_reordering_sentences() -> None:
    """The first keeps the order, the second the words."""
    assert rewritten("The film was famous.", rng(), 1.0) != "The film was famous."
    text = "One two. Three four. Five six."
    assert sorted(reordered(text, rng()).split()) == sorted(text.split())


def test_a_spread_echo_has_no_run_of_the_question() -> None:
    """The whole question stands nowhere in one piece."""
    assert not any(TARGET.question in text for text in adaptive.echo_spread(TARGET, rng()))


def test_unlike_texts_stay_below_the_limit() -> None:
    """Every pair is less alike than what retrieval takes for the same."""
    texts = adaptive.unlike(embedder().embed)(TARGET, rng())
    vectors = embedder().embed(texts)
    near = vectors @ vectors.T - np.eye(len(texts))
    assert len(texts) >= 2
    assert near.max() < adaptive.ALIKE


def test_flipping_tokens_comes_nearer_to_the_question() -> None:
    """A few steps raise the cosine, and the same seed makes the same text."""
    flip, goal = HotFlip(steps=4, few_steps=1), embedder().embed([TARGET.question])[0]
    texts = ["Of this nobody knows.", "Ask somebody else."]
    none = HotFlip(steps=0).series(texts[:1], goal, rng(), Form())
    made = flip.series(texts, goal, rng(), Form())
    near = embedder().embed([*none, *made]) @ goal
    assert near[1] > near[0]
    assert made == flip.series(texts, goal, rng(), Form())
    assert all(said.endswith(text) for said, text in zip(made, texts, strict=True))


def test_mixed_tokens_have_function_words() -> None:
    """One of three, as prose has."""
    [made] = HotFlip(steps=0).series([""], np.ones(384), rng(), Form(whole=True, mixed=True))
    common = sum(word in FUNCTION_WORDS for word in made.split())
    assert common >= len(made.split()) / 4


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("who wrote the tide tables", "wrote the tide tables"),
        ("When is the next ferry?", "the next ferry"),
        ("what", "what"),
    ],
)
def test_a_topic_is_a_question_without_asking(question: str, topic: str) -> None:
    """A question that only asks is its own topic."""
    assert topic_of(question) == topic


def test_targets_have_an_answer_in_their_passage_and_a_wrong_one_of_its_form() -> None:
    """Verdicts and answers that stand nowhere are left out."""
    rows = [
        row(id="1", question="a", correct="1931", text="It was 1931.", gold=True),
        row(id="2", question="b", correct="yes", text="Yes, it was.", gold=True),
        row(id="3", question="c", correct="1902", text="It was later.", gold=True),
    ]
    [target] = targets_of(rows, 5, 7)
    assert target.question == "a"
    assert target.wrong != "1931"
    assert target.wrong.isdigit()


def test_a_wrong_answer_is_never_the_right_one() -> None:
    """Even where no other answer has its form."""
    assert wrong_answer("Ada Marrow", ["Ada Marrow", "12"], rng()) == "Ada Marrow junior"
    assert wrong_answer("May 1931", [], rng()) != "May 1931"
