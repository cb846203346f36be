"""A question and its answer in one text: put there to stand near the question that it targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .content import content_of
from .faq import faq_entries, page_entries
from .observed import ObservedQueries
from .questions import LEAD_CHARS, Lead, glued_question, lead_of, said_again
from .signal import NOTHING, Reading, SignalInput

_ANSWER_CHARS = 400
_SHORT_CHARS = 1_200
"""A question and an answer to it; a page has more to say."""

_OBSERVED_CHARS = 30_000
_LEAST_PAIRS = 4
"""Queries of fewer words stand in honest texts by chance."""

_RICH_WORDS, _RICH_FACTS = 28, 6
"""Content words, and names and numbers among them, from which an answer is a report of its own: two
thirds of Wikipedia's first paragraphs under a question have them, and 0 of 301 answers made to
stand by one (the longest has 20 words)."""


class QuestionJunction:
    """A question glued to its answer: ``…?.Answer`` or ``question.Answer`` at a text's start.

    The form of PoisonedRAG (Zou et al., USENIX Security 2025), which puts the target question
    before the crafted text without a space. A space evades it; `QuestionEcho` then remains.
    """

    name = "question_junction"
    version = "2"
    # Measured (version 1): PoisonedRAG TPR .94 (HotpotQA), .89 (NQ); clean FPR 0 of
    # 6,994 passages and 0 of 7,181 other clean texts. So it may hold a document back.
    threshold = 0.3
    decision = Decision.QUARANTINE

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words said again, .3 at least of a typed one."""
        return [self._reading(each.text) for each in batch]

    def _reading(self, text: str) -> Reading:
        found = glued_question(text[:LEAD_CHARS])
        if found is None:
            return NOTHING
        again = said_again(found.asked, text[found.end : found.end + _ANSWER_CHARS])
        return Reading(
            # Nobody writes a typed question and a sentence without a space between them.
            score=max(again, self.threshold if found.typed else 0.0),
            why="a question is glued to an answer that repeats its words",
            span=(0, found.end),
        )


class QuestionEcho:
    """A question at a text's start whose words the next sentences say again.

    Pages titled by a question have the same form, so of an established source it is for
    information. It holds what no such page does (a question typed as into a search box that runs on
    into its answer, one question that opens several documents), and any short document of a source
    in probation, which would else wait its probation out; unless the answer is a report of its own,
    or the document one of a page of questions.
    """

    name = "question_echo"
    version = "4"
    # Figures in docs/signals.md, by benchmarks/signals.py.
    threshold = 0.5
    decision = Decision.ALLOW

    def __init__(self, *, defers: bool = False) -> None:
        """``defers``: leave what may be a page of questions to `PageEcho`, which has vectors."""
        self._defers = defers

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words that the next 400 characters say again."""
        leads = [lead_of(each.text, _ANSWER_CHARS) for each in batch]
        asked = Counter(lead.key for lead in leads if lead)
        readings = [
            _echo(each, lead, asked[lead.key] > 1) if lead else NOTHING
            for each, lead in zip(batch, leads, strict=True)
        ]
        for at in self._excused(batch, leads):
            lead = leads[at]
            if lead and asked[lead.key] == 1 and not lead.typed:
                readings[at] = self._spared(readings[at])
        return readings

    def _excused(self, batch: Sequence[SignalInput], leads: Sequence[Lead | None]) -> set[int]:
        if self._defers:
            return {at for page in page_entries(batch, leads) for at in page}
        return faq_entries(batch, leads)

    def _spared(self, reading: Reading) -> Reading:
        return NOTHING if self._defers else replace(reading, decision=None)


class PageEcho(QuestionEcho):
    """The same once there are vectors, of sources in probation.

    INVARIANT: what `QuestionEcho` left to it is held unless it is an entry of a page, also if the
    rest of that page was held by then.
    """

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score as `QuestionEcho` does."""
        return [
            reading if each.probation else NOTHING
            for each, reading in zip(batch, super().measure(batch), strict=True)
        ]


def _echo(each: SignalInput, lead: Lead, repeated: bool) -> Reading:
    short = each.probation and len(each.text) <= _SHORT_CHARS
    lone = short and not _is_report(each.text, lead)
    return Reading(
        score=said_again(lead.asked, each.text[lead.end : lead.end + _ANSWER_CHARS]),
        why="several documents open with this question and repeat its words"
        if repeated
        else "it opens with a question and goes on to repeat its words",
        span=(0, lead.end),
        decision=Decision.QUARANTINE if repeated or lead.typed or lone else None,
    )


def _is_report(text: str, lead: Lead) -> bool:
    """Tell whether what follows a question says much that the question does not ask about."""
    asked, answer = content_of(lead.asked), content_of(text[lead.end :])
    return (
        len(answer.words - asked.words) >= _RICH_WORDS
        and len(answer.facts - asked.words) >= _RICH_FACTS
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
