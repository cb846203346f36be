"""Typing errors are told from other words, plurals and numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.ingest.signals.typing_errors import is_typo, typos


@pytest.mark.parametrize(
    ("word", "other", "typo"),
    [
        ("Bridge", "Brigde", True),
        ("bridge", "brridge", True),
        ("bridge", "brdge", True),
        ("bridge", "rbidge", True),
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


@given(st.lists(st.text("abce", min_size=4, max_size=6), min_size=1, max_size=6, unique=True))
def test_no_pair_is_missed(words: list[str]) -> None:
    """The words that are looked at first hide none that differs by an error."""
    half = len(words) // 2
    mine, theirs = words[:half], words[half:]
    expected = {word for word in mine if any(is_typo(word, other) for other in theirs)}
    assert set(typos(mine, theirs)) == expected
