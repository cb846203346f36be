"""Lines come out numbered and bounded, as soon as they are complete."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.cli.lines import Line, read_batches


class Pieces:
    """A stream that gives one piece a read, as a pipe does."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return the next piece."""
        return next(self._pieces, b"")


def numbered(*pieces: bytes, limit: int = 100) -> list[tuple[int, bytes | None]]:
    """Return every line of the pieces as (number, data)."""
    batches = read_batches(Pieces(*pieces), limit)
    return [(line.number, line.data) for batch in batches for line in batch]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ((), []),
        ((b"a\n",), [(1, b"a")]),
        ((b"a",), [(1, b"a")]),
        ((b"\n\n",), [(1, b""), (2, b"")]),
        ((b"a\nb\n",), [(1, b"a"), (2, b"b")]),
        ((b"a", b"b\nc", b"\n"), [(1, b"ab"), (2, b"c")]),
        ((b"a\r\nb",), [(1, b"a\r"), (2, b"b")]),
    ],
)
def test_lines_are_split_at_newlines(
    pieces: tuple[bytes, ...], lines: list[tuple[int, bytes]]
) -> None:
    """However the stream is cut, lines are the same."""
    assert numbered(*pieces) == lines


@pytest.mark.parametrize("pieces", [(b"x" * 11 + b"\nok\n",), (b"x" * 6, b"x" * 6, b"\nok")])
def test_a_line_beyond_the_limit_is_none(pieces: tuple[bytes, ...]) -> None:
    """It keeps its number, and the next line is read as usual."""
    assert numbered(*pieces, limit=10) == [(1, None), (2, b"ok")]


def test_a_line_of_the_limit_passes() -> None:
    """The limit itself is allowed."""
    assert numbered(b"x" * 10, limit=10) == [(1, b"x" * 10)]


def test_an_overlong_last_line_is_reported() -> None:
    """Also without a newline at its end."""
    assert numbered(b"x" * 11, limit=10) == [(1, None)]


def test_a_complete_line_does_not_wait_for_the_next() -> None:
    """Each read gives a batch of what is complete."""
    batches = read_batches(Pieces(b"a\nb", b"\n"), 10)
    assert next(batches) == [Line(number=1, data=b"a")]


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=20))
def test_cutting_changes_nothing(data: bytes, sizes: list[int]) -> None:
    """Any cut of any stream gives the lines of the whole."""
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    cut = numbered(*(piece for piece in (*pieces, rest) if piece), limit=1000)
    whole = [line.rstrip(b"\n") for line in io.BytesIO(data)]
    assert [line for _, line in cut] == whole
