"""Reading the files: a good row as it is, every bad one refused with file and line."""

from pathlib import Path

import pytest
from ragbastion.benchmarks.poisoning.rows import find_files, load_rows
from ragbastion.core.errors import LoadError, UsageError

from .conftest import Fields, Write, clean_fields, poison_fields


def test_a_row_keeps_its_fields(write: Write) -> None:
    """Text, gold, question and publisher come out as they stand."""
    path = write("clean_a.jsonl", [clean_fields(0)])
    [found] = load_rows([path], 0)
    assert (found.file, found.id, found.gold, found.correct) == ("clean_a", "c0", True, "1931")
    assert found.publisher == "Kelmouth museum"


BAD = {
    "label": ({"label": 1}, "'label' must be 0"),
    "truth value": ({"label": False}, "'label' must be 0"),
    "no text": ({"text": " "}, "'text' is empty"),
    "number": ({"text": 7}, "'text' must be a string"),
    "no id": ({"id": None}, "'id' must be a string"),
    "null question": ({"question": None}, "'question' must be a string"),
    "gold word": ({"gold": "yes"}, "'gold' must be true or false"),
    "gold of nothing": ({"question": ""}, "needs the 'question'"),
    "escape": ({"source": "a\x1b[2J"}, "'source' must be printable"),
    "surrogate": ({"text": "a\ud800b"}, "lone surrogate"),
    "trigger": ({"trigger": 5}, "'trigger' must be a string"),
}


@pytest.mark.parametrize(("change", "why"), BAD.values(), ids=BAD)
def test_a_bad_row_is_refused_by_line(write: Write, change: Fields, why: str) -> None:
    """The second line is bad, and the message says so."""
    path = write("clean_a.jsonl", [clean_fields(0), {**clean_fields(1), **change}])
    with pytest.raises(LoadError, match=r"clean_a\.jsonl', line 2 refused") as caught:
        load_rows([path], 0)
    assert why in str(caught.value)


def test_an_id_stands_once(write: Write) -> None:
    """A second row of one id is refused."""
    path = write("clean_a.jsonl", [clean_fields(0), clean_fields(0)])
    with pytest.raises(LoadError, match="line 2 refused: 'id' stands on line 1 already"):
        load_rows([path], 0)


@pytest.mark.parametrize("text", ["not json\n", "[1]\n", "[" * 100_000, "", "\xff"])
def test_what_is_no_jsonl_is_refused(tmp_path: Path, text: str) -> None:
    """No JSON, no object, nothing at all, or not UTF-8."""
    path = tmp_path / "poison_x.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LoadError, match=r"poison_x\.jsonl'"):
        load_rows([path], 1)


def test_line_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    """A text may hold them raw."""
    path = tmp_path / "clean_a.jsonl"
    path.write_text(
        '{"id": "1", "source": "s", "text": "one\u2028two\x85three", "label": 0}\n', "utf-8"
    )
    assert load_rows([path], 0)[0].text == "one\u2028two\x85three"


def test_files_are_found_in_poison_or_beside(data: Path) -> None:
    """The folder itself does as well as the one above it."""
    for folder in (data, data / "poison"):
        clean, attack = find_files(folder)
        assert [path.name for path in clean] == ["clean_libraries.jsonl", "clean_museums.jsonl"]
        assert [path.name for path in attack] == ["poison_echoed.jsonl"]


def test_a_folder_without_passages_is_wrong_usage(tmp_path: Path) -> None:
    """The message says what is looked for."""
    with pytest.raises(UsageError, match=r"clean_\*\.jsonl"):
        find_files(tmp_path)


def test_poison_is_no_clean_row(write: Write) -> None:
    """A file given with the wrong option is refused."""
    with pytest.raises(LoadError, match="'label' must be 0"):
        load_rows([write("poison_a.jsonl", [poison_fields(0)])], 0)
