"""The rules alone: checksums, boundaries and linear cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.pii.patterns import RULES, is_concrete_date, luhn


def found(kind: str, text: str) -> list[str]:
    """Return what the rules of a type find, in order of rule and place."""
    return [text[start:end] for rule in RULES[kind] for start, end, _ in rule(text)]


@given(st.text("0123456789", min_size=11, max_size=18))
def test_exactly_one_last_digit_satisfies_luhn(body: str) -> None:
    """The checksum tells ten last digits apart."""
    assert sum(luhn(body + digit) for digit in "0123456789") == 1


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        ("4111111111111111", ["4111111111111111"]),
        ("4111 1111 1111 1111 12 27", ["4111 1111 1111 1111"]),
        ("5500-0000-0000-0004", ["5500-0000-0000-0004"]),
        ("4532-1234-5678-9010", ["4532-1234-5678-9010"]),
        ("4111111111111112", []),
        ("visa 4111111111111112", ["4111111111111112"]),
        ("219-09-9999 219-09-9999", []),
        ("+447700677662", []),
        ("219-09-9999 " * 6 + "4111 1111 1111 1111", ["4111 1111 1111 1111"]),
        ("4111    1111    1111    1111", []),
        ("1" * 60, []),
    ],
)
def test_cards(text: str, cards: list[str]) -> None:
    """A checksum, a printed grouping or a naming word makes a card; digits alone do not."""
    assert found("CREDIT_CARD", text) == cards


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ID-123-45-6789", ["123-45-6789"]),
        ("123-45-67890", []),
        ("0123-45-6789", []),
        ("123-45.6789", []),
        ("1-123-45-6789-1", []),
        ("ssn: 219099999", ["219099999"]),
        ("ref 219099999", []),
    ],
)
def test_social_security_numbers(text: str, numbers: list[str]) -> None:
    """Whole numbers of one separator; bare digits need their name before them."""
    assert found("US_SSN", text) == numbers


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b.com", ["a@b.com"]),
        ("mailto:a.b+c@d-e.co.uk?x", ["a.b+c@d-e.co.uk"]),
        ("(x@y.org)", ["x@y.org"]),
        ("a@b.com@c.org", ["a@b.com"]),
        ("a@b.com123-45-6789", ["a@b.com"]),
        ("jürgen@müller.de", ["jürgen@müller.de"]),
        ("@home a@ @b.com a@b", []),
    ],
)
def test_email_addresses(text: str, addresses: list[str]) -> None:
    """Local part and domain, without what stands around them."""
    assert found("EMAIL_ADDRESS", text) == addresses


@pytest.mark.parametrize(
    ("text", "concrete"),
    [("March 3", True), ("1984", True), ("03/04/1990", True), ("12:30", True),
     ("morning", False), ("8+ years", False), ("next week", False), ("May", False)],
)  # fmt: skip
def test_concrete_dates(text: str, concrete: bool) -> None:
    """A date needs a number, and a month, a year or a date's punctuation."""
    assert is_concrete_date(text) is concrete


@pytest.mark.parametrize(
    "piece", ["1 ", "1-", "12 Ab ", ")", "a", "1", "A1", "a@", "http://", "tel "]
)
@pytest.mark.timeout(20)
def test_no_rule_is_slow_on_a_repeated_piece(piece: str) -> None:
    """A window of any repeated piece ends at once; backtracking would pass the time limit."""
    text = (piece * 8000)[:8000]
    assert all(isinstance(found(kind, text), list) for kind in RULES)
