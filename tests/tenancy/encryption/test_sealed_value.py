"""The text form: one spelling a value, and nothing else is taken."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import SealError
from ragbastion.tenancy.encryption.sealed_value import (
    PREFIX,
    associated_data,
    formatted,
    is_sealed,
    parsed,
)

VERSIONS = st.integers(0, 2**32 - 1)
CIPHERTEXTS = st.binary(min_size=16, max_size=80)
NAMES = st.text(max_size=12)


@settings(max_examples=150, derandomize=True)
@given(kind=st.integers(0, 255), version=VERSIONS, nonce=st.binary(min_size=12, max_size=12),
       ciphertext=CIPHERTEXTS)  # fmt: skip
def test_the_form_round_trips(kind: int, version: int, nonce: bytes, ciphertext: bytes) -> None:
    """What is written is read, and the form is printable ASCII without padding."""
    text = formatted(kind, version, nonce, ciphertext)
    assert parsed(text) == (kind, version, nonce, ciphertext)
    assert set(text[len(PREFIX) :]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@settings(max_examples=150, derandomize=True)
@given(ciphertext=CIPHERTEXTS, at=st.integers(0, 2**16), character=st.characters())
def test_a_value_has_one_spelling(ciphertext: bytes, at: int, character: str) -> None:
    """A form with one other character is refused, or means other bytes."""
    text = formatted(84, 1, bytes(12), ciphertext)
    at = len(PREFIX) + at % (len(text) - len(PREFIX))
    altered = text[:at] + character + text[at + 1 :]
    try:
        found = parsed(altered)
    except SealError:
        return
    assert (found == parsed(text)) == (altered == text)


@pytest.mark.parametrize(("length", "last"), [(17, "B"), (18, "B"), (17, "P"), (18, "D")])
def test_unused_bits_are_refused(length: int, last: str) -> None:
    """The last letter of a form that ends in zeros is A, and one with other unused bits is not."""
    text = formatted(84, 1, bytes(12), bytes(length))
    assert text.endswith("A")
    with pytest.raises(SealError, match="form is damaged"):
        parsed(text[:-1] + last)


@pytest.mark.parametrize(
    "tail",
    ["", "A", "AAAA", "=", "A===", "AA==", "A A", "A\nA", "Ä", "\x00", "-" * 30],
)
def test_a_damaged_form_is_refused(tail: str) -> None:
    """Cut, padded, broken or foreign characters."""
    with pytest.raises(SealError, match="form is damaged"):
        parsed(PREFIX + tail)


def test_plain_base64_letters_are_refused() -> None:
    """The letters + and / belong to another alphabet."""
    text = formatted(84, 1, b"\xff" * 12, b"\xff" * 16)
    other = PREFIX + text[len(PREFIX) :].replace("_", "/").replace("-", "+")
    assert other != text
    with pytest.raises(SealError, match="form is damaged"):
        parsed(other)


def test_another_format_is_named() -> None:
    """A later format is not taken for a plain text."""
    assert is_sealed("rbseal2.AAAA")
    with pytest.raises(SealError, match="upgrade ragbastion"):
        parsed("rbseal2." + base64.urlsafe_b64encode(bytes(60)).decode())


@settings(max_examples=150, derandomize=True)
@given(st.tuples(NAMES, NAMES, VERSIONS, NAMES), st.tuples(NAMES, NAMES, VERSIONS, NAMES))
def test_associated_data_is_not_ambiguous(
    one: tuple[str, str, int, str], other: tuple[str, str, int, str]
) -> None:
    """Two places have the same associated data only if they are the same."""

    def data(place: tuple[str, str, int, str]) -> bytes:
        tenant, field, version, point = place
        return associated_data(tenant, field, 84, version) + point.encode()

    assert (data(one) == data(other)) == (one == other)


def test_a_name_cannot_spill_into_the_next() -> None:
    """Tenant 'a' with field 'bc' is not tenant 'ab' with field 'c'."""
    assert associated_data("a", "bc", 84, 1) != associated_data("ab", "c", 84, 1)
