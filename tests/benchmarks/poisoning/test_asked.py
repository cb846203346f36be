"""What --queries means: a number, lines, or objects with a question."""

from pathlib import Path

import pytest
from ragbastion.benchmarks.poisoning.asked import Queries, queries_of
from ragbastion.core.errors import LoadError, UsageError


def test_a_number_is_how_many() -> None:
    """Left out, it is forty."""
    assert queries_of("20") == Queries(count=20)
    assert queries_of(None) == Queries(count=40)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.txt", "one?\n\ntwo?\none?\n"),
        ("q.jsonl", '{"question": "one?"}\n{"question": "two?"}\n'),
    ],
)
def test_a_file_names_the_questions(tmp_path: Path, name: str, text: str) -> None:
    """Each once."""
    (tmp_path / name).write_text(text)
    assert queries_of(str(tmp_path / name)).named == ("one?", "two?")


@pytest.mark.parametrize("value", ["0", "-3", "5001", "٣", "nowhere.txt"])
def test_neither_is_wrong_usage(value: str) -> None:
    """Too few, too many, no digits of ours, no file."""
    with pytest.raises(UsageError, match="--queries refused"):
        queries_of(value)


@pytest.mark.parametrize("line", ['{"question": 3}', '{"q": "x"}', "no json", '{"question": " "}'])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    """With its file."""
    path = tmp_path / "q.jsonl"
    path.write_text(f'{{"question": "good"}}\n{line}\n')
    with pytest.raises(LoadError, match=r"q\.jsonl', line 2 refused"):
        queries_of(str(path))
