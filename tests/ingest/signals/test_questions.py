"""A question that opens a text is found however it is set apart; honest openings are none."""

from __future__ import annotations

import pytest
from ragbastion.ingest.signals.questions import glued_question, lead_of

ANSWER_CHARS = 400


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Who built the pier? The pier was built by Holt.", "Who built the pier?"),
        (
            "who built the long pier at velm The long pier at Velm was built by Maria Holt.",
            "who built the long pier at velm",
        ),
        (
            "Who sang on the great gig In the Great Gig it was Clare Torry.",
            "Who sang on the great gig",
        ),
        (
            "the alder bridge leads to which old town The Alder Bridge leads to the town of Velm.",
            "the alder bridge leads to which old town",
        ),
        (
            "The Velm F.C. season is one in a league known as what? The Velm season is in Norden.",
            "The Velm F.C. season is one in a league known as what?",
        ),
        ("The harbour opens at six. Does the harbour open at six?", None),
        ("The guide says how. Berg wrote what he saw. Who knows why? Nobody.", None),
        ("When the tide is out the ferry Aurora lies at pier four.", None),
        ("", None),
    ],
)
def test_the_question_that_opens_a_text(text: str, asked: str | None) -> None:
    """With a mark, with a space only, with its asking word inside or last; and near misses."""
    lead = lead_of(text, ANSWER_CHARS)
    assert (lead.asked if lead else None) == asked


def test_a_bare_question_is_not_one_that_was_typed_into_a_search_box() -> None:
    """What an established source may hold too is no reason to hold it."""
    lead = lead_of("who built the old pier The old pier was built by Holt.", ANSWER_CHARS)
    assert lead is not None
    assert not lead.typed


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("where do the elves go at the end.In Middle-Earth, a peculiar event happens.", True),
        ("Who sings the song in the film?.In the film, Frank Sinatra sings.", False),
    ],
)
def test_a_glued_question(text: str, typed: bool) -> None:
    """A question typed in lower case and glued to a sentence is told from a written one."""
    lead = glued_question(text)
    assert lead is not None
    assert lead.typed is typed
