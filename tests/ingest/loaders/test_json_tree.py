"""JSON: a tree becomes path and value lines, and no depth or number can break the loader."""

from collections.abc import Callable

import pytest
from ragbastion.core.errors import InputError, LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure


def test_paths_and_values_in_order(load_one: Callable[..., LoadedDocument]) -> None:
    """Objects, lists and scalars are readable lines; numbers keep their spelling."""
    document = load_one('{"pier": {"fee": 40.50, "open": true}, "days": ["Mon", null]}', "a.json")
    assert document.text == "pier.fee: 40.50\npier.open: true\ndays[0]: Mon"


def test_repeated_keys_are_all_kept(load_one: Callable[..., LoadedDocument]) -> None:
    """A second value of a key cannot hide behind the last."""
    assert load_one('{"a": "EVIL", "a": "fine"}', "a.json").text == "a: EVIL\na: fine"


def test_lone_surrogates_do_not_leave(load_one: Callable[..., LoadedDocument]) -> None:
    """An escaped half of a pair becomes the replacement character."""
    assert load_one(r'{"a": "x\ud800y\u0000z"}', "a.json").text == "a: x�y�z"


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ("{", LoadError, "not JSON at line 1, column 2"),
        ("{}\n{}", LoadError, "name it .jsonl"),
        ("[NaN]", LoadError, "NaN is not a JSON number"),
        ("[" * 100_000, LimitError, "nested deeper than 256"),
        ("[" * 300 + "1" + "]" * 300, LimitError, "nested deeper than 256"),
        ('{"a":' * 300 + "1" + "}" * 300, LimitError, "nested deeper than 256"),
    ],
)
def test_bad_trees_are_refused(
    refuse_one: Callable[..., LoadFailure], data: str, kind: type[InputError], message: str
) -> None:
    """What is no JSON, or too deep, is refused with what is wrong."""
    failure = refuse_one(data, "a.json")
    assert type(failure.error) is kind
    assert message in str(failure.error)


def test_long_numbers_stay_text(load_one: Callable[..., LoadedDocument]) -> None:
    """A number of 100,000 digits is never converted."""
    assert load_one("[" + "9" * 100_000 + "]", "a.json").text == "[0]: " + "9" * 100_000


def test_long_paths_cannot_multiply(refuse_one: Callable[..., LoadFailure]) -> None:
    """Many values below one long key count with their paths."""
    data = '{"' + "k" * 1_000 + '": [' + ",".join(["1"] * 1_000) + "]}"
    failure = refuse_one(data, "a.json", LoadSettings(max_text_chars=100_000))
    assert "pass 100000 characters" in str(failure.error)
