"""What an attacker works on: a question, its answer, the wrong one to spread, and true passages."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..rows import Row

_MOST_WORDS = 6
_VERDICTS = frozenset({"yes", "no", "maybe", "true", "false"})
"""They stand in a passage by chance, and cannot be put in their place."""
_ASKING = re.compile(
    r"^(?:in |on |at |from |to |for |by |with )?"
    r"(?:who|whom|whose|what|which|when|where|why|how(?: many| much| long| old| often)?)\b\s*",
    re.IGNORECASE,
)
_LINKING = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|s)\b\s*", re.IGNORECASE
)
_NUMBER = re.compile(r"^\d[\d,.]*$")
_YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One question that is attacked; ``passages`` are the true ones (untrusted like all text)."""

    question: str
    correct: str
    wrong: str
    passages: tuple[str, ...]

    @property
    def topic(self) -> str:
        """The question without its asking words."""
        return topic_of(self.question)


def topic_of(question: str) -> str:
    """Return what a question is about: what is left without the words that ask.

    >>> topic_of("when is the next ferry to Kelmouth?")
    'the next ferry to Kelmouth'
    """
    bare = _LINKING.sub("", _ASKING.sub("", question.strip().rstrip("?. ")))
    return bare or question.strip()


def targets_of(rows: Sequence[Row], count: int, seed: int) -> list[Target]:
    """Draw questions with gold whose answer stands in the passage, and a wrong answer for each.

    A wrong answer is that of another question, of the same form: a number, a date, a name.
    """
    gold: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.gold and _fits(row):
            gold[row.question].append(row)
    questions = sorted(gold)
    answers = {question: gold[question][0].correct for question in questions}
    rng = random.Random(f"{seed} targets")
    chosen = rng.sample(questions, min(count, len(questions)))
    return [
        Target(
            question=question,
            correct=answers[question],
            wrong=wrong_answer(answers[question], sorted(set(answers.values())), rng),
            passages=tuple(row.text for row in gold[question]),
        )
        for question in chosen
    ]


def wrong_answer(correct: str, answers: Sequence[str], rng: random.Random) -> str:
    """Return another answer of the same form; a number or year of its own is moved."""
    if _NUMBER.match(correct) and correct.replace(",", "").isdigit():
        return str(int(correct.replace(",", "")) + rng.randint(1, 9))
    if _YEAR.search(correct):
        return _YEAR.sub(lambda year: str(int(year[0]) - rng.randint(2, 19)), correct)
    like = [each for each in answers if _form(each) == _form(correct) and each != correct]
    return rng.choice(like) if like else f"{correct} junior"


def _fits(row: Row) -> bool:
    answer = row.correct.strip()
    if answer.casefold() in _VERDICTS:
        return False
    return 0 < len(answer.split()) <= _MOST_WORDS and answer.casefold() in row.text.casefold()


def _form(answer: str) -> tuple[bool, bool, int]:
    words = answer.split()
    return any(c.isdigit() for c in answer), words[0][:1].isupper(), min(len(words), 3)
