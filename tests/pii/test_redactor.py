"""The redactor on real text: what it masks, what it leaves, and its laws."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import MissingExtraError, UsageError
from ragbastion.core.settings import PiiSettings
from ragbastion.pii import NER_TYPES, SUPPORTED_TYPES, Entity, Redactor

PATTERNS = sorted(set(SUPPORTED_TYPES) - set(NER_TYPES))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("SSN 123-45-6789.", "SSN <US_SSN>."),
        ("123-45-6789", "<US_SSN>"),
        ("078-05-1120 and 219 09 9999", "<US_SSN> and <US_SSN>"),
        ("his social security number is 219099999", "his social security number is <US_SSN>"),
        ("Card 4111 1111 1111 1111, exp 12/27", "Card <CREDIT_CARD>, exp 12/27"),
        ("amex 3782-822463-10005", "amex <CREDIT_CARD>"),
        ("378282246310005", "<CREDIT_CARD>"),
        ("a@b.com, c@d.org e@f.net", "<EMAIL_ADDRESS>, <EMAIL_ADDRESS> <EMAIL_ADDRESS>"),
        ("write to <ada@example.internal>!", "write to <<EMAIL_ADDRESS>>!"),
        ("call 212-555-0199 now", "call <PHONE_NUMBER> now"),
        ("NHS number 212-555-0199", "NHS number <UK_NHS>"),
        ("call (555) 123-4567 now", "call <PHONE_NUMBER> now"),
        ("call 555.123.4567 x12 now", "call <PHONE_NUMBER> now"),
        ("call +44 20 7946 0958", "call <PHONE_NUMBER>"),
        ("IBAN GB29 NWBK 6016 1331 9268 19", "IBAN <IBAN_CODE>"),
        ("from 10.0.0.17 and fe80::1", "from <IP_ADDRESS> and <IP_ADDRESS>"),
        ("see https://a.example/x?y=1.", "see <URL>."),
        ("driver's license no. D1234567", "driver's license no. <US_DRIVER_LICENSE>"),
        ("account number 000123456789", "account number <US_BANK_NUMBER>"),
        ("a 34-year-old man", "a <AGE> man"),
    ],
)
def test_a_pattern_is_masked(redactor: Redactor, text: str, masked: str) -> None:
    """Each form of number, address and name of the net becomes its placeholder."""
    assert redactor.redact(text, PATTERNS).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Order 12345678 shipped in 3 boxes.",
        "See README.md and setup.py, section 4.2.1.",
        "Version 2024.11.3 of page 16, table 7.",
        "In 2019 the harbour had 1,204 berths at 5.5 m.",
        "public licence fees of 250 USD",
        "user@localhost and @mentions",
        "The part 4111-1111 is 40 x 12.",
        "Filing of the motion 1.6 424.00",
        "invoice 06-2025 15 days",
        "",
        "   \n",
    ],
)
def test_ordinary_text_is_left(redactor: Redactor, text: str) -> None:
    """Numbers, files and versions that are no personal data stay."""
    assert redactor.redact(text, PATTERNS).text == text


@pytest.mark.parametrize(
    "text",
    ["123\u201145\u20116789", "\uff11\uff12\uff13-45-6789", "123\u200b-45-6789",
     "123\u00a045\u00a06789", "12\u00ad3-45-67\u20608\u206a9"],
)  # fmt: skip
def test_look_alike_and_invisible_characters_hide_nothing(redactor: Redactor, text: str) -> None:
    """Offsets come back in the original, invisible characters included."""
    redacted = redactor.redact(f"id: {text}!", ["US_SSN"])
    assert redacted.text == "id: <US_SSN>!"
    assert redacted.entities == (Entity(type="US_SSN", start=4, end=4 + len(text), score=0.85),)


def test_names_places_and_dates_are_masked(redactor: Redactor) -> None:
    """The statistical pipeline finds what has no shape."""
    text = "John Smith moved to Berlin on March 3, 2021."
    assert redactor.redact(text).text == "<PERSON> moved to <LOCATION> on <DATE_TIME>."


def test_vague_times_are_left(redactor: Redactor) -> None:
    """A morning is not personal data."""
    text = "We meet every morning next week."
    assert redactor.redact(text, ["DATE_TIME"]).text == text


def test_entities_count_characters_of_the_original(redactor: Redactor) -> None:
    """Each entity's place holds what was masked."""
    text = "Ask ada@example.org or call 212-555-1234."
    places = [(one.type, text[one.start : one.end]) for one in redactor.redact(text).entities]
    assert places == [("EMAIL_ADDRESS", "ada@example.org"), ("PHONE_NUMBER", "212-555-1234")]


def test_only_the_named_types_are_masked(redactor: Redactor) -> None:
    """What is not asked for stays."""
    redacted = redactor.redact("ada@example.org 123-45-6789", ["US_SSN"])
    assert redacted.text == "ada@example.org <US_SSN>"


def test_settings_name_the_types() -> None:
    """The types of the settings are what a call without types looks for."""
    redactor = Redactor(PiiSettings(entities=("EMAIL_ADDRESS",)))
    assert redactor.redact("a@b.com 123-45-6789").text == "<EMAIL_ADDRESS> 123-45-6789"


@pytest.mark.parametrize("entities", [["SSN"], [], ["US_SSN", "us_ssn"], "US_SSN"])
def test_unknown_and_no_types_are_refused(redactor: Redactor, entities: list[str]) -> None:
    """A mistyped type would mask nothing: an error."""
    with pytest.raises(UsageError):
        redactor.redact("x", entities)


def test_unknown_types_in_the_settings_are_refused() -> None:
    """The mistake is found when the redactor is made, before any text."""
    with pytest.raises(UsageError, match="SSN"):
        Redactor(PiiSettings(entities=("SSN",)))


def test_a_model_that_is_not_installed_is_an_error() -> None:
    """Nothing is downloaded."""
    with pytest.raises(MissingExtraError, match="no_such_pipeline"):
        Redactor(PiiSettings(model="no_such_pipeline")).redact("John Smith")


def test_a_batch_is_aligned_and_equal_to_single_calls(redactor: Redactor) -> None:
    """Batching changes the speed and nothing else, empty texts included."""
    texts = ["", "a@b.com", "John Smith in Paris", "nothing", "219-09-9999 " * 3]
    assert redactor.redact_batch(texts) == [redactor.redact(text) for text in texts]
    assert redactor.redact_batch([]) == []


def test_a_text_of_many_windows_loses_nothing_at_the_seams(redactor: Redactor) -> None:
    """Entities at every distance from a window's end are found whole."""
    piece = "ssn 219-09-9999 of ada.lovelace@example.org; "
    text = piece * 1500
    redacted = redactor.redact(text, ["US_SSN", "EMAIL_ADDRESS"])
    assert redacted.text == "ssn <US_SSN> of <EMAIL_ADDRESS>; " * 1500


def test_one_long_line_without_spaces_is_masked_at_the_seams(redactor: Redactor) -> None:
    """A cut in the middle of an entity does not split it."""
    text = "x" * 7_990 + "|ada.lovelace@example.org|" + "x" * 9_000
    assert redactor.redact(text, ["EMAIL_ADDRESS"]).text.count("<EMAIL_ADDRESS>") == 1
    assert "lovelace" not in redactor.redact(text, ["EMAIL_ADDRESS"]).text


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(
            ["123-45-6789", "a@b.com", "4111 1111 1111 1111", "212-555-1234", "<US_SSN>", " ", "\n",
             ", ", "x", "7", "-", "10.0.0.1", "é", "\u200b", "https://a.com/", "age 41"]
        ),
        max_size=12,
    ).map(" ".join)
)  # fmt: skip
def test_entities_are_ordered_apart_and_stable_when_masked_again(text: str) -> None:
    """No overlap, none out of the text; a second pass over words apart changes nothing."""
    redacted = _SHARED.redact(text, PATTERNS)
    ends = [0, *(one.end for one in redacted.entities)]
    for end, one in zip(ends, redacted.entities, strict=False):
        assert end <= one.start < one.end <= len(text)
    assert _SHARED.redact(redacted.text, PATTERNS).text == redacted.text


_SHARED = Redactor(PiiSettings(entities=tuple(PATTERNS)))


def test_importing_and_building_load_nothing_heavy() -> None:
    """Presidio and spaCy wait for the first text."""
    code = (
        "import sys; from ragbastion import Redactor; Redactor(); "
        "sys.exit(any(name in sys.modules for name in ('spacy', 'presidio_analyzer', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_call_reaches_the_network() -> None:
    """Presidio's own e-mail recognizer fetches a list; nothing here opens a socket."""
    code = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from ragbastion import Redactor\n"
        "print(Redactor().redact('Ada Lovelace, ada@example.org, https://x.com').text)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "<PERSON>, <EMAIL_ADDRESS>, <URL>\n"
    assert done.stderr == ""
