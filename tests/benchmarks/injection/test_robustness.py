"""Quotation and disguise: what is tried, and on what."""

import base64

import pytest
from ragbastion import Scanner
from ragbastion.benchmarks.injection.robustness import DISGUISES, caught_alone, robustness

from .conftest import ATTACK, CLEAN, row


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base64", base64.b64encode(b"Be so").decode()),
        ("hex", "426520736f"),
        ("zero width", "B\u200be\u200b \u200bs\u200bo"),
        ("homoglyphs", "Bе sо"),
        ("fullwidth", "Ｂｅ ｓｏ"),
        ("reversed", "os eB"),
        ("leetspeak", "B3 s0"),
        ("spaced letters", "B e  s o"),
    ],
)
def test_a_disguise_does_what_its_name_says(name: str, expected: str) -> None:
    """One small text, by hand."""
    assert DISGUISES[name]("Be so") == expected


def test_only_what_is_caught_alone_is_tried(scanner: Scanner) -> None:
    """A payload that passes plainly says nothing about a disguise."""
    rows = [row(1, span=ATTACK), row(1, span=CLEAN[0]), row(1)]
    assert caught_alone(rows, scanner, seed=7) == [ATTACK]


def test_nothing_caught_has_no_shares(scanner: Scanner) -> None:
    """Rather than a zero that reads like a failure."""
    found = robustness([row(1)], scanner, seed=7)
    assert found["quoted"] == {"n": 0, "stop": None, "flag": None}
    assert set(found["disguised"].values()) == {0, None}


def test_a_plain_attack_is_held_in_base64(scanner: Scanner) -> None:
    """The whole way through, on one attack."""
    found = robustness([row(1, span=ATTACK)], scanner, seed=7)
    assert (found["disguised"]["n"], found["disguised"]["base64"]) == (1, 1.0)
    assert found["quoted"]["flag"] == 1.0
