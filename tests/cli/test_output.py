"""Output is valid JSON for programs and harmless on a terminal."""

import json

import pytest
from ragbastion.cli.output import json_text, printable


@pytest.mark.parametrize("value", ["a", "ü😀", "\u009b31m", "\u2028", "\u202e", "\x7f", {"a": [1]}])
def test_json_says_what_it_is_given(value: object) -> None:
    """Escaping changes how it is written, not what it says."""
    assert json.loads(json_text(value)) == value


@pytest.mark.parametrize("control", ["\x1b", "\x07", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066"])
def test_json_holds_no_control_character(control: str) -> None:
    """Neither raw C0 nor C1, nor a bidi control."""
    assert control not in json_text({"text": f"a{control}b"})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_holds_only_numbers(number: float) -> None:
    """NaN and infinity are no JSON."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(number)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü😀", "plain ü😀"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb", "a\\nb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80", "\\udc80"),
        ("\u200b", "\\u200b"),
    ],
)
def test_what_does_not_print_is_shown(text: str, shown: str) -> None:
    """Controls, bidi, tags, zero-width characters and lone surrogates become escapes."""
    assert printable(text) == shown


def test_line_breaks_may_be_kept() -> None:
    """For a text of many lines."""
    assert printable("a\n\x07", keep="\n") == "a\n\\x07"
