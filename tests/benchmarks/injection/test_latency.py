"""Documents of a length, made of the data, and the table of their times."""

from dataclasses import replace

import pytest
from ragbastion import Scanner
from ragbastion.benchmarks.injection.latency import documents, latency_table
from ragbastion.benchmarks.injection.memory import scanner_process
from ragbastion.benchmarks.injection.rows import BESIDE
from ragbastion.core.settings import ScanSettings

from .conftest import ATTACK, CLEAN, row

ROWS = [row(0, text=text) for text in CLEAN] + [row(1, text=f"{CLEAN[0]} {ATTACK}", span=ATTACK)]


@pytest.mark.parametrize("kind", ["harmless", "attacked"])
@pytest.mark.parametrize("length", [50, 200, 5_000])
def test_documents_have_the_length_that_was_asked_for(kind: str, length: int) -> None:
    """To the character, and the same every time."""
    texts = list(documents(ROWS, kind, length, 3, seed=7))
    assert [len(text) for text in texts] == [length] * 3
    assert texts == list(documents(ROWS, kind, length, 3, seed=7))


def test_an_attacked_document_holds_one_attack() -> None:
    """In its middle; a harmless one holds none."""
    [attacked] = documents(ROWS, "attacked", 400, 1, seed=7)
    [harmless] = documents(ROWS, "harmless", 400, 1, seed=7)
    assert (attacked.count(ATTACK), harmless.count(ATTACK)) == (1, 0)
    assert attacked.index(ATTACK) == (400 - len(ATTACK)) // 2


def test_passages_are_those_beside_the_data(scanner: Scanner) -> None:
    """They have lines of their own where there are any."""
    beside = [replace(row(0, text="The ferry leaves at nine. " * 9), part=BESIDE)]
    [text] = documents([*ROWS, *beside], "passages", 100, 1, seed=7)
    assert text.startswith("The ferry leaves at nine.")
    table = latency_table([*ROWS, *beside], scanner, seed=7, lengths={200: 1})
    assert [line["documents"] for line in table] == ["passages", "harmless", "attacked"]


def test_the_table_has_both_kinds_of_each_length(scanner: Scanner) -> None:
    """With times by document and by thousand characters."""
    table = latency_table(ROWS, scanner, seed=7, lengths={200: 3})
    assert [(line["characters"], line["documents"], line["n"]) for line in table] == [
        (200, "harmless", 3),
        (200, "attacked", 3),
    ]
    for line in table:
        assert line["median_ms_per_kB"] == pytest.approx(5 * line["median_ms"])
        assert line["p95_ms"] >= line["median_ms"] > 0


def test_a_process_of_its_own_is_weighed() -> None:
    """It holds more than an empty interpreter, and its peak is at least what is left."""
    found = scanner_process(ScanSettings(), [CLEAN[0]])
    assert 10 < found["resident_mb"] <= found["peak_mb"] + 1
    assert found["construct_ms"] > 0
