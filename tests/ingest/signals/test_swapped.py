"""A copy that says something else is told from an honest one, typing errors or not."""

from __future__ import annotations

import pytest
from ragbastion.ingest.signals.swapped import is_swapped, is_typo

TRUE = (
    "The Alder Bridge was opened by Queen Isolde in 1904 and carries the tram from the harbour to "
    "the old town, where it ends beside the market and the long arcade of the merchants."
)
TYPED = (
    TRUE.replace("Bridge", "Brigde").replace("carries", "carrries").replace("harbour", "harbor")
    .replace("market", "makret").replace("merchants", "merhcants")
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        (TYPED.replace("Queen Isolde", "a copper merchant"), True),
        (TYPED.replace("1904", "the year of the flood"), True),
        (TRUE.replace("the old town", "a quarry north of Velm"), True),
        (TRUE, False),
        (TYPED, False),  # copied badly, and nothing else said
        (TRUE + " It was mended twice since then, in 1950 and after the flood.", False),
    ],
)
def test_a_phrase_in_another_place(text: str, swapped: bool) -> None:
    """Swaps of a phrase, under typing errors too, and honest or sloppy copies."""
    assert is_swapped(text, TRUE) is swapped


@pytest.mark.parametrize(
    ("word", "other", "typo"),
    [
        ("Bridge", "Brigde", True),
        ("bridge", "brridge", True),
        ("bridge", "brdge", True),
        ("bridge", "bruges", False),
        ("bridge", "bridges", False),
        ("1904", "1914", False),
        ("town", "town", False),
        ("old", "odl", False),
    ],
)
def test_typing_errors(word: str, other: str, typo: bool) -> None:
    """One letter doubled, left out or swapped; no plural, number, or short word."""
    assert is_typo(word, other) is typo
    assert is_typo(other, word) is typo
