"""What new sources can and cannot bring into an answer."""

from __future__ import annotations

import pytest

from .cases import NEW, Case, heard, served

TRUTH = "The fair of 1893 was held in Chicago. It drew 27 million visitors."
OTHERS = [Case("archive", TRUTH, 0.6), Case("city", "Chicago hosted the fair.", 0.5)]


def newcomer(text: str, **more: object) -> Case:
    """Return a candidate of a new source that ranks first."""
    return Case("new", text, 0.9, NEW, more=dict(more))


@pytest.mark.parametrize(
    ("text", "is_served"),
    [
        ("Chicago hosted the fair.", False),  # served already, from an established voice
        ("In Chicago the fair of 1893 was held.", True),
        ("It drew visitors: 27 million.", True),
        ("The fair of 1893 was held in Boston.", False),
        ("The fair of 1894 was held in Chicago.", False),
        ("The fair of 1893 was not held in Chicago.", False),
        ("The fair drew 27 million visitors. It was in Boston.", False),
        ("I don't know. The context does not say.", False),
        ("xq zzv kuuu fair Chicago", False),
        ("It drew -27 million visitors.", False),
        ("", False),
    ],
)
def test_a_newcomer_may_say_what_established_voices_say(text: str, is_served: bool) -> None:
    """Every sentence must stand in one of theirs, with its words, numbers and denial."""
    assert (0 in served([newcomer(text or " "), *OTHERS])) is is_served


def test_facts_of_two_sentences_do_not_make_a_third() -> None:
    """Words that stand in different sentences of the truth corroborate no new sentence."""
    truth = Case("archive", "Season three has 22 episodes. Season four has 23 episodes.")
    assert served([newcomer("Season four has 22 episodes."), truth]) == [1]


def test_newcomers_corroborate_nobody() -> None:
    """Any number of new sources that agree is nobody's second voice."""
    swarm = [Case(f"x{at}", f"The fair was in Boston, says {at}.", 0.9, NEW) for at in range(9)]
    answer = heard([*swarm, *OTHERS])
    assert answer.chosen == (9, 10)
    assert {each.step for each in answer.dropped} == {"probation"}


def test_a_source_that_anyone_can_write_corroborates_nobody() -> None:
    """An old forum does not make a newcomer's word good."""
    forum = Case("forum", "The fair was held in Boston, Chicago being full.", 0.5)
    trusted = [newcomer("The fair was held in Boston."), forum]
    open_to_all = [trusted[0], Case("forum", forum.text, 0.5, more={"tier": "untrusted"})]
    assert served(trusted) == [0, 1]
    assert served(open_to_all) == [1]


def test_two_voices_may_be_asked_for() -> None:
    """With corroborating_voices 2 one established voice is not enough."""
    cases = [newcomer("In Chicago the fair of 1893 was held."), *OTHERS]
    assert served(cases, corroborating_voices=2) == [1, 2]


def test_a_flagged_passage_of_an_old_source_is_in_probation() -> None:
    """What ingestion flagged is held to what others say, whoever signed it."""
    flagged = Case("archive", "The fair was held in Boston.", 0.9, more={"signals": ("echo",)})
    assert served([flagged, *OTHERS]) == [1, 2]


def test_modes() -> None:
    """The same newcomers are served up to the cap, never, or where corroborated."""
    lies = [newcomer(f"It was in {city}.") for city in ("Boston", "Denver", "Austin")]
    assert served([*lies, *OTHERS], probation="cap") == [0, 1, 3, 4]
    assert served([*lies, *OTHERS], probation="off") == [3, 4]
    assert served([*lies, *OTHERS], probation="corroborated") == [3, 4]


def test_a_served_newcomer_is_marked() -> None:
    """A reader is told that a passage's source is new."""
    answer = heard([newcomer("It was in Boston."), *OTHERS], probation="cap")
    assert "probation" in answer.passages[0].marks
    assert str(answer.passages[0].voice) == "probation"
