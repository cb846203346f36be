"""Options that take several values after one another."""

import pytest
from ragbastion.cli.many_values import repeated


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("--clean a b --json", "--clean a --clean b --json"),
        ("--clean a --clean b", "--clean a --clean b"),
        ("--clean=a b", "--clean=a --clean b"),
        ("--out x y --clean a", "--out x y --clean a"),
        ("--clean a b -- c d", "--clean a --clean b -- c d"),
        ("--clean", "--clean"),
        ("--clean - b", "--clean - --clean b"),
    ],
)
def test_values_are_given_their_option(given: str, read: str) -> None:
    """Only those that may have several; after two dashes nothing is an option's."""
    assert list(repeated(given.split(), ["--clean"])) == read.split()
