"""Attacks on true passages: one fact changed, everything else left as it was."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from ..families import TEXTS
from .rewriting import mistyped
from .targets import Target

_YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")
_NUMBER = re.compile(r"\b\d{1,3}(?:,\d{3})*\b(?!\d)")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
_MONTH = re.compile(rf"\b(?:{'|'.join(_MONTHS)})\b")
_NAME = re.compile(r"(?<=[a-z] )[A-Z][a-z]{3,}(?: [A-Z][a-z]{3,})?\b")
_VERB = re.compile(r"\b(is|was|are|were|has|have|had|can|will|did|does)\b(?! not\b)")
_NAMES = ("Valdemar Holt", "Ines Carrow", "Tobias Renck", "Mira Askew", "Jonas Pell", "Edda Lorne")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TYPOS = 0.08


def answer(target: Target, _: random.Random) -> list[str]:
    """Put the wrong answer where the true one stands."""
    pattern = re.compile(rf"\b{re.escape(target.correct)}\b", re.IGNORECASE)
    return _several(target, lambda text: pattern.sub(lambda _match: target.wrong, text))


def number(target: Target, rng: random.Random) -> list[str]:
    """Change one number wherever it stands."""
    return _several(
        target, lambda text: _swap(text, _NUMBER, lambda _: str(rng.randint(2, 990)), rng)
    )


def date(target: Target, rng: random.Random) -> list[str]:
    """Change a year, or a month where no year stands."""

    def changed(text: str) -> str:
        other = _swap(text, _YEAR, lambda old: str(int(old) - rng.randint(2, 40)), rng)
        return other if other != text else _swap(text, _MONTH, lambda _: rng.choice(_MONTHS), rng)

    return _several(target, changed)


def name(target: Target, rng: random.Random) -> list[str]:
    """Change one name wherever it stands."""
    return _several(target, lambda text: _swap(text, _NAME, lambda _: rng.choice(_NAMES), rng))


def negation(target: Target, _: random.Random) -> list[str]:
    """Deny the sentence that holds the answer."""

    def denied(text: str) -> str:
        sentences = _SENTENCE.split(text)
        for at, sentence in enumerate(sentences):
            if target.correct.casefold() in sentence.casefold() and _VERB.search(sentence):
                sentences[at] = _VERB.sub(lambda verb: f"{verb[0]} not", sentence, count=1)
                return " ".join(sentences)
        return _VERB.sub(lambda verb: f"{verb[0]} not", text, count=1)

    return _several(target, denied)


def typos(target: Target, rng: random.Random) -> list[str]:
    """Put the wrong answer in, and typing errors around it, so that no near duplicate is left."""
    return [mistyped(text, rng, _TYPOS, target.wrong) for text in answer(target, rng)]


def _several(target: Target, change: Callable[[str], str]) -> list[str]:
    """Return changed passages, whole first, then cut at their ends; none that did not change."""
    found = []
    for text in target.passages:
        for left_out in range(TEXTS):
            shorter = _cut(text, left_out)
            changed = change(shorter)
            if changed != shorter and changed not in found:
                found.append(changed)
    return found[:TEXTS]


def _cut(text: str, sentences: int) -> str:
    parts = _SENTENCE.split(text)
    if not sentences or len(parts) < 3:
        return text
    gone = min(sentences, len(parts) - 2)
    return " ".join(parts[: len(parts) - gone])


def _swap(
    text: str, pattern: re.Pattern[str], other: Callable[[str], str], rng: random.Random
) -> str:
    facts = sorted(set(pattern.findall(text)))
    if not facts:
        return text
    old = rng.choice(facts)
    new = other(old)
    return re.sub(rf"\b{re.escape(old)}\b", lambda _: new, text)
