"""Data folders: read in both layouts, sampled the same every time, refused with a reason."""

from pathlib import Path

import pytest
from ragbastion.benchmarks.injection.rows import load_rows, sampled
from ragbastion.core.errors import LoadError, UsageError

from .conftest import CLEAN, Write, row

GOOD: list[dict[str, object]] = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]


def test_a_folder_with_parts_is_read(data: Path) -> None:
    """What is beside is marked, and named for its file."""
    rows = load_rows(data)
    assert [r.source for r in rows] == ["letters"] * 5 + ["pages"] * 5 + ["wiki"]
    assert {(r.part, r.kind) for r in rows} == {
        ("injection", "indirect"),
        ("injection", "benign"),
        ("poison", "clean"),
    }


def test_a_folder_of_files_is_read(write: Write) -> None:
    """Without a folder 'injection', the files lie in the folder itself; a source is its file."""
    rows = load_rows(write("mine.jsonl", GOOD))
    assert [(r.source, r.kind, r.label) for r in rows] == [
        ("mine", "indirect", 1),
        ("mine", "benign", 0),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 3 refused: it is not JSON"),
        ("[]", "it is not a JSON object"),
        ('{"label": 1}', "'text' must be a string"),
        ('{"text": "a"}', "'label' must be 1"),
        ('{"text": "a", "label": 2}', "'label' must be 1"),
        ('{"text": "a", "label": 1, "kind": "odd"}', "'kind' must be one of indirect"),
        ('{"text": "a", "label": 1, "span": 3}', "'span' must be a string"),
        ('{"text": "a", "label": 1, "source": "\\u001b[2J"}', "'source' must be a printable"),
    ],
)
def test_a_line_that_is_no_row_is_refused(write: Write, line: str, reason: str) -> None:
    """The message names file, line and what is wrong, and not the text."""
    folder = write("mine.jsonl", GOOD)
    with (folder / "mine.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(LoadError, match=r"mine\.jsonl'") as caught:
        load_rows(folder)
    assert reason in str(caught.value)


def test_bytes_that_are_no_text_are_refused(write: Write) -> None:
    """A file in another encoding is an error, not garbage."""
    folder = write("mine.jsonl", GOOD)
    (folder / "mine.jsonl").write_bytes(b'{"text": "\xe4", "label": 1}\n')
    with pytest.raises(LoadError, match="not UTF-8"):
        load_rows(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """Nothing to measure is not a result of zero."""
    with pytest.raises(UsageError, match="holds no documents"):
        load_rows(tmp_path)


@pytest.mark.parametrize(("label", "missing"), [(1, "harmless"), (0, "attacks")])
def test_one_class_alone_is_refused(write: Write, label: int, missing: str) -> None:
    """Recall and false alarms need both."""
    folder = write("mine.jsonl", [{"text": "a", "label": label}])
    with pytest.raises(UsageError, match=f"holds no {missing}"):
        load_rows(folder)


def test_a_sample_takes_some_of_every_source_and_label() -> None:
    """Small groups are taken whole, in the order of the rows, the same every time."""
    rows = [row(1)] * 9 + [row(0)] * 2 + [row(1, source="two")]
    places = sampled(rows, 3, seed=7)
    assert places == sampled(rows, 3, seed=7) == sorted(places)
    assert [sum(p < 9 for p in places), places[3:]] == [3, [9, 10, 11]]


def test_injected_characters_are_all_that_equal_the_span() -> None:
    """A payload that was put in twice is injected twice."""
    mask = row(1, text="ab XX ab XX", span="XX").injected
    assert mask is not None
    assert mask.nonzero()[0].tolist() == [3, 4, 9, 10]


@pytest.mark.parametrize("span", ["", "not in there"])
def test_an_unknown_span_marks_nothing(span: str) -> None:
    """Where the data do not tell, the document is left out rather than counted as clean."""
    assert row(1, text=CLEAN[0], span=span).injected is None
