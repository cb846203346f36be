"""A question and its answer in one text: put there to stand near the question that it targets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .observed import ObservedQueries
from .signal import NOTHING, Reading, SignalInput

_LEAD_CHARS = 300
"""A question is looked for in the first characters of a document or paragraph."""

_ANSWER_CHARS = 400
_SHORT_CHARS = 1_200
"""A question and an answer to it; a page has more to say."""

_OBSERVED_CHARS = 30_000
_LEAST_PAIRS = 4
"""Queries of fewer words stand in honest texts by chance."""

_INTERROGATIVE = (
    r"(?:who|what|when|where|which|whose|whom|why|how|is|are|was|were|do|does|did|can|could|will|"
    r"would|should|has|have|had|in what|in which|on what|on which|at what|at which|from which|"
    r"for which|to which|to what|of what)"
)
_LABEL = r"(?:(?:faqs?[.:]|[a-z\d]{1,12}(?: [a-z]{1,12})?[:)])\s*)?"
"""What a page of questions puts before them: ``Q:``, ``FAQ.``, ``You asked:``."""
_QUESTION = re.compile(
    rf"\s*{_LABEL}[\"'“]?(?P<asked>{_INTERROGATIVE}\b[^?\n]{{8,250}}?(?:\?|[.,!:;|—–]|\n|$))",
    re.I,
)
_INTERROGATIVE_START = re.compile(rf"{_INTERROGATIVE}\b", re.I)
_JUNCTION = re.compile(r"([^.?!\n]{12,250}?)(\s*\?\s*\.|\.)(?=[\"'“(]?[^\W\d_a-z])")
_WORD = re.compile(r"[^\W_]+")
_STOP_LIST = (
    "the a an of in on at to for by with from and or is are was were be been did do does has have "
    "had can could will would should who what when where which whose whom why how it its this that "
    "these those as not no if than then there their they he she his her you your we our i"
)
_STOP = frozenset(_STOP_LIST.split())
_STEM_CHARS = 5
"""Words that share this prefix count as one: capital and capitals, compose and composer."""


class QuestionJunction:
    """A question glued to its answer: ``…?.Answer`` or ``question.Answer`` at a text's start.

    The form of PoisonedRAG (Zou et al., USENIX Security 2025), which puts the target question
    before the crafted text without a space. A space evades it; `QuestionEcho` then remains.
    """

    name = "question_junction"
    version = "1"
    # Measured (benchmarks/outliers.py): PoisonedRAG TPR .94 (HotpotQA), .89 (NQ); clean FPR 0 of
    # 6,994 passages and 0 of 7,181 other clean texts. So it may hold a document back.
    threshold = 0.3
    decision = Decision.QUARANTINE

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words that the answer says again."""
        return [self._reading(each.text) for each in batch]

    def _reading(self, text: str) -> Reading:
        match = _JUNCTION.match(text[:_LEAD_CHARS])
        if match is None or not _asks(match):
            return NOTHING
        score = _said_again(match[1], text[match.end() : match.end() + _ANSWER_CHARS])
        return Reading(
            score=score,
            why="a question is glued to an answer that repeats its words",
            span=(match.start(), match.end()),
        )


class QuestionEcho:
    """A question at a text's start whose words the next sentences say again.

    Pages titled by a question have the same form, so of an established source it is for
    information. It holds what no such page does (a question typed as into a search box that runs on
    into its answer, one question that opens several documents), and any short document of a source
    in probation, which would else wait its probation out.
    """

    name = "question_echo"
    version = "3"
    # Figures in docs/signals.md, by benchmarks/signals.py.
    threshold = 0.5
    decision = Decision.ALLOW

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words that the next 400 characters say again."""
        leads = [_lead(each.text) for each in batch]
        asked = Counter(" ".join(_WORD.findall(lead[0].lower())) for lead in leads if lead)
        return [self._reading(each, lead, asked) for each, lead in zip(batch, leads, strict=True)]

    def _reading(
        self, each: SignalInput, lead: tuple[str, int] | None, asked: Counter[str]
    ) -> Reading:
        if lead is None:
            return NOTHING
        question, end = lead
        score = _said_again(question, each.text[end : end + _ANSWER_CHARS])
        repeated = asked[" ".join(_WORD.findall(question.lower()))] > 1
        typed = question[:1].islower() and not question.endswith(("?", *":;|—–"))
        short = each.probation and len(each.text) <= _SHORT_CHARS
        return Reading(
            score=score,
            why="several documents open with this question and repeat its words"
            if repeated
            else "it opens with a question and goes on to repeat its words",
            span=(0, end),
            decision=Decision.QUARANTINE if repeated or typed or short else None,
        )


class ObservedEcho:
    """A text that holds a query which was asked, word by word.

    Honest pages do so too where people ask by their titles, so it is for information; it holds a
    document of a source in probation.
    """

    name = "observed_echo"
    version = "2"
    threshold = 0.8
    decision = Decision.ALLOW

    def __init__(self, observed: ObservedQueries) -> None:
        self._observed = observed

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the largest share of a query's word pairs that stand in the text."""
        rows = self._observed.shingles
        lengths = (rows > 0).sum(axis=1)
        rows = rows[lengths >= _LEAST_PAIRS]
        if not len(rows):
            return [NOTHING] * len(batch)
        return [self._reading(each, rows) for each in batch]

    def _reading(self, each: SignalInput, rows: NDArray[np.uint64]) -> Reading:
        own = self._observed.hashed(each.text[:_OBSERVED_CHARS])
        held = np.isin(rows, np.array(own, dtype=np.uint64)) & (rows > 0)
        score = float((held.sum(axis=1) / (rows > 0).sum(axis=1)).max()) if own else 0.0
        return Reading(
            score=score,
            why="it holds a question that was asked here, word by word",
            decision=Decision.QUARANTINE if each.probation else None,
        )


def _lead(text: str) -> tuple[str, int] | None:
    """Return the question that a text opens with, and where it ends."""
    match = _QUESTION.match(text[:_LEAD_CHARS])
    if match is not None:
        asked = match["asked"].strip()
        if asked.endswith("?") or asked[:1].islower():
            return asked, match.end()
    return None


def _asks(match: re.Match[str]) -> bool:
    lead = match[1].lstrip("\"' “")
    return "?" in match[2] or _INTERROGATIVE_START.match(lead) is not None


def _said_again(question: str, answer: str) -> float:
    asked = _stems(question)
    return len(asked & _stems(answer)) / len(asked) if len(asked) > 1 else 0.0


def _stems(text: str) -> set[str]:
    return {
        word[:_STEM_CHARS]
        for word in _WORD.findall(text.lower())
        if word not in _STOP and (len(word) > 2 or word.isdigit())
    }
