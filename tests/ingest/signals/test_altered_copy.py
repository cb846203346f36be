"""A copy that says something else is told from an honest one: typed badly, cut, or added to."""

from __future__ import annotations

import pytest
from ragbastion.ingest.signals.altered_copy import is_altered, is_altered_in_part

TRUE = (
    "The Alder Bridge was opened by Queen Isolde in 1904 and carries the tram from the harbour to "
    "the old town, where it ends beside the market and the long arcade of the merchants."
)
TYPED = (
    TRUE.replace("Bridge", "Brigde").replace("carries", "carrries").replace("harbour", "harbor")
    .replace("market", "makret").replace("merchants", "merhcants")
)  # fmt: skip
MORE = (
    "It was mended twice since then, in 1950 and after the flood. Two towers of grey stone hold "
    "its chains. Pilots of the river call the eastern one the lantern, since a fire was kept on it."
)
LONG = f"{TRUE} {MORE}"
REMARK = "Visitors are fond of the view from there in the early morning."
CUT = LONG.partition(" Two towers")[0]


@pytest.mark.parametrize(
    ("text", "altered"),
    [
        (TYPED.replace("Queen Isolde", "a copper merchant"), True),
        (TYPED.replace("1904", "the year of the flood"), True),
        (TRUE.replace("the old town", "a quarry north of Velm"), True),
        (TRUE, False),
        (TYPED, False),  # copied badly, and nothing else said
        (TRUE + " It was mended twice since then, in 1950 and after the flood.", False),
    ],
)
def test_a_phrase_in_another_place(text: str, altered: bool) -> None:
    """Swaps of a phrase, under typing errors too, and honest or sloppy copies."""
    assert is_altered(text, TRUE) is altered


@pytest.mark.parametrize(
    "copy",
    [
        CUT,
        LONG,
        f"{LONG} {REMARK}",
        f"{REMARK} {LONG}",
        LONG.replace("Two towers", f"{REMARK} Two towers"),
        LONG.replace("It was mended twice since then, in 1950 and after the flood. ", ""),
    ],
    ids=["cut", "whole", "added after", "added before", "added within", "cut within"],
)
@pytest.mark.parametrize(
    ("old", "new"),
    [("1904", "1861"), ("Queen Isolde", "Mayor Tarn"), ("was opened", "was never opened")],
)
def test_a_fact_in_a_part(copy: str, old: str, new: str) -> None:
    """A copy that leaves a part out or adds one is found by the fact that it changes, alone."""
    changed = copy.replace(old, new)
    assert is_altered(changed, LONG) or is_altered_in_part(changed, LONG)
    assert not is_altered_in_part(copy, LONG)


def test_the_cut_may_follow_the_fact() -> None:
    """What is changed in the last words of a cut copy is found beside what was left out."""
    assert is_altered_in_part(CUT.replace("the flood", "the Siege"), LONG)


@pytest.mark.parametrize(
    "text",
    [
        CUT.replace("carries", "bears"),  # a shorter copy in its own words
        TRUE.replace("Alder", "Hazel").replace("Isolde", "Maud").replace("harbour", "Velm"),
        f"The Hazel Bridge is of wood. {MORE} {REMARK}",
        "Six ferries go. " * 4,
        "",
    ],
    ids=["shortened", "another bridge of one form", "another opening", "another matter", "empty"],
)
def test_what_is_no_part(text: str) -> None:
    """Honest shortening, another record of one form and other texts are no altered copy."""
    assert not is_altered_in_part(text, LONG)
