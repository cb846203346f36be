"""JSON Lines: one document a row, one failure a bad line, and never the whole file in memory."""

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from ragbastion.core.errors import LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure
from ragbastion.ingest.loaders.json_lines import load_lines


def rows(data: bytes, settings: LoadSettings | None = None) -> list[LoadedDocument | LoadFailure]:
    """Load lines with default limits."""
    return list(load_lines(io.BytesIO(data), "a.jsonl", settings or LoadSettings()))


def test_fields_of_a_row() -> None:
    """Id, title, source and url are taken; other scalars are metadata; raw is the line."""
    line = b'{"text": "Six.", "id": 7, "title": "T", "source": "s", "url": "u", "k": 1, "l": [2]}'
    [row] = rows(line + b"\r\n")
    assert isinstance(row, LoadedDocument)
    assert (row.document, row.text, row.title) == ("a.jsonl#7", "Six.", "T")
    assert (row.source, row.url, row.metadata, row.raw) == ("s", "u", {"k": 1}, line)


def test_rows_without_id_are_numbered_by_line() -> None:
    """The number is the line's, blank lines counted, and the source is unset."""
    found = rows(b'\n{"text": "a"}\n')
    assert [(r.document, r.source) for r in found if isinstance(r, LoadedDocument)] == [
        ("a.jsonl#2", None)
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense", "not JSON at column 1"),
        (b"[1]", "a JSON object is needed, not list"),
        (b'{"id": "x"}', "no field 'text'"),
        (b'{"text": 5}', "no field 'text'"),
        (b'{"text": "  "}', "no field 'text'"),
        (b'{"text": "a", "id": true}', "field 'id' must be"),
        (b'{"text": "a", "id": "x\\n"}', "printable"),
        (b'{"text": "a", "source": 5}", "id": 1}', "not JSON"),
        (b'{"text": "a", "source": 5}', "field 'source' must be a string"),
        (b'{"text": "\xff"}', "not valid UTF-8 at byte 10"),
        (b'{"text": ' + b"[" * 100_000, "nested too deep"),
        (b'{"text": "a", "id": "1"}', "used by an earlier line"),
    ],
)
def test_bad_line_is_named_and_the_rest_go_on(line: bytes, message: str) -> None:
    """Every other line still loads."""
    found = rows(b'{"text": "one", "id": "1"}\n' + line + b'\n{"text": "two", "id": "2"}')
    assert [type(item) for item in found] == [LoadedDocument, LoadFailure, LoadedDocument]
    failure = found[1]
    assert isinstance(failure, LoadFailure)
    assert failure.where == "line 2"
    assert message in str(failure.error)


@pytest.mark.parametrize(
    ("length", "kinds"), [(40, [LoadedDocument] * 2), (41, [LoadFailure, LoadedDocument])]
)
def test_line_limit_is_exact(length: int, kinds: list[type]) -> None:
    """A line of the limit loads; one byte more is a limit error, and the next line goes on."""
    line = b'{"text": "' + b"x" * (length - 12) + b'"}'
    assert len(line) == length
    found = rows(line + b'\r\n{"text": "b"}', LoadSettings(max_line_bytes=40))
    assert [type(item) for item in found] == kinds


class _Endless(io.RawIOBase):
    """A stream of 100 MB without a line end, made as it is read."""

    def __init__(self) -> None:
        self._left = 100_000_000

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self._left)
        buffer[:size] = b"x" * size
        self._left -= size
        return size


def test_hundred_megabytes_of_one_line_stay_out_of_memory() -> None:
    """The line is refused, and memory stays near the line limit."""
    settings = LoadSettings(max_line_bytes=1_000_000)
    tracemalloc.start()
    try:
        found: Iterator[LoadedDocument | LoadFailure] = load_lines(
            io.BufferedReader(_Endless()), "big.jsonl", settings
        )
        [failure] = list(found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(failure, LoadFailure)
    assert isinstance(failure.error, LimitError)
    assert peak < 10_000_000


def test_infinite_numbers_are_left_out_of_metadata() -> None:
    """What is not JSON cannot be kept or signed."""
    [row] = rows(b'{"text": "a", "n": NaN, "m": 1e999, "k": 2}')
    assert isinstance(row, LoadedDocument)
    assert row.metadata == {"k": 2}


def test_file_without_rows_is_empty() -> None:
    """Blank lines alone are an empty file."""
    [failure] = rows(b"\n\n")
    assert isinstance(failure, LoadFailure)
    assert isinstance(failure.error, LoadError)
    assert str(failure.error) == "'a.jsonl' refused: the file is empty"
