"""CSV: rows become readable lines whatever the delimiter."""

from collections.abc import Callable

import pytest
from ragbastion.core.errors import LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("name,port\nAda,6\n", ","),
        ("name;port\nAda;6\n", ";"),
        ("name\tport\nAda\t6\n", "\t"),
        ("name|port\r\nAda|6\r\n", "|"),
        ('"name","port"\n"Ada","6"\n', ","),
    ],
)
def test_delimiter_is_found(
    load_one: Callable[..., LoadedDocument], data: str, delimiter: str
) -> None:
    """The delimiter that splits the rows evenly is used and recorded."""
    document = load_one(data, "a.csv")
    assert document.text == "name: Ada\nport: 6"
    assert document.metadata["delimiter"] == delimiter


def test_rows_are_apart_and_empty_cells_left_out(load_one: Callable[..., LoadedDocument]) -> None:
    """Each row is a block; cells beyond the header keep their column number."""
    document = load_one("a,b\n1,\n,2,3\n", "a.csv")
    assert document.text == "a: 1\n\nb: 2\ncolumn 3: 3"
    assert document.metadata["rows"] == 2


def test_quoted_cells_keep_delimiters_and_lines(load_one: Callable[..., LoadedDocument]) -> None:
    """A quoted cell may hold the delimiter and a line end."""
    assert load_one('a,b\n"x, y","l1\nl2"\n', "a.csv").text == "a: x, y\nb: l1\nl2"


def test_formulas_stay_text(load_one: Callable[..., LoadedDocument]) -> None:
    """Nothing is evaluated."""
    text = load_one('a,b\n=1+1,"=HYPERLINK(""http://x"")"\n', "a.csv").text
    assert text == 'a: =1+1\nb: =HYPERLINK("http://x")'


def test_header_alone_is_kept(load_one: Callable[..., LoadedDocument]) -> None:
    """A table without rows still says what it is."""
    assert load_one("name,port\n", "a.csv").text == "name | port"


def test_unclosed_quote_over_the_rest_is_refused(refuse_one: Callable[..., LoadFailure]) -> None:
    """A cell longer than the csv module takes is a clear error."""
    failure = refuse_one('a,b\n1,"' + "x" * 200_000, "a.csv")
    assert isinstance(failure.error, LoadError)
    assert str(failure.error).startswith("'a.csv' refused: line 2 is not CSV")


def test_text_limit(refuse_one: Callable[..., LoadFailure]) -> None:
    """A long header repeated on each row cannot blow up the text."""
    limits = LoadSettings(max_text_chars=1_000)
    failure = refuse_one("h" * 100 + ",b\n" + "1,2\n" * 100, "a.csv", limits)
    assert "more than 1000 characters" in str(failure.error)
