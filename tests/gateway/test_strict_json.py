"""JSON from outside is read in one way only, or refused with the reason."""

import pytest
from ragbastion.core.errors import InputError
from ragbastion.gateway.strict_json import checked_id, checked_text, parse_object


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, null, true]} \r', {"a": [1, 2.5, None, True]}),
        (b'\xef\xbb\xbf{"a": "b"}', {"a": "b"}),
        ('{"a": "ü"}'.encode(), {"a": "ü"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": 1e3}', {"a": 1000.0}),
        (b'{"a": 1.7976931348623157e308}', {"a": 1.7976931348623157e308}),
    ],
)
def test_an_object_is_read(data: bytes, value: object) -> None:
    """What is a JSON object comes back as one."""
    assert parse_object(data) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \t\r", "empty"),
        (b"nope", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[]", "an array"),
        (b'"a"', "a string"),
        (b"5", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "NaN and infinity"),
        (b'{"a": 1e400}', "beyond the range"),
        (b'{"a": ' + b"1" * 5000 + b"}", "number that is too long"),
        (b'{"a": 1, "a": 2}', "a field twice"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "a field twice"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"a":' * 200_000, "nested too deep"),
        ('{"a": "b"}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_the_rest_is_refused(data: bytes, reason: str) -> None:
    """Each refusal names its reason, and never the text."""
    with pytest.raises(InputError, match=reason):
        parse_object(data)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "missing"),
        ({"text": None}, "is null"),
        ({"text": 1}, "is a number"),
        ({"text": {}}, "is an object"),
        ({"text": "\ud800"}, "lone surrogate"),
    ],
)
def test_a_text_must_be_a_valid_string(fields: dict[str, object], reason: str) -> None:
    """Missing, of another type or not Unicode: refused."""
    with pytest.raises(InputError, match=reason):
        checked_text(fields)


@pytest.mark.parametrize("value", ["", "a", 0, -1, 1.5, True, None])
def test_any_scalar_is_an_id(value: object) -> None:
    """It comes back as it is."""
    assert checked_id({"id": value}) is value


def test_a_missing_id_is_null() -> None:
    """The answer then carries null."""
    assert checked_id({}) is None


@pytest.mark.parametrize("value", [[], {}, ["a"]])
def test_other_ids_are_refused(value: object) -> None:
    """An array or object cannot be matched by most callers."""
    with pytest.raises(InputError, match="not a scalar"):
        checked_id({"id": value})
