"""Characters that stripping removes and leaves, counted."""

import numpy as np
import pytest
from ragbastion import Scanner
from ragbastion.benchmarks.injection.spans import Counted, count, figures, span_table

from .conftest import ATTACK, CLEAN, row


def test_characters_are_counted_on_both_sides() -> None:
    """Of characters 2 to 5 injected, 3 to 7 removed: two of four, and two of six others."""
    injected = np.zeros(10, dtype=np.bool_)
    injected[2:6] = True
    assert count(injected, [(4, 8)]) == Counted(
        injected=4, other=6, injected_removed=2, other_removed=2
    )


def test_spans_that_overlap_count_once() -> None:
    """A character is removed or not."""
    nothing = np.zeros(4, dtype=np.bool_)
    assert count(nothing, [(0, 3), (1, 3)]).other_removed == 3


def test_figures_sum_characters_and_not_documents() -> None:
    """A long payload that stays weighs more than a short one that goes."""
    found = figures(
        [
            Counted(injected=10, other=90, injected_removed=10, other_removed=9),
            Counted(injected=30, other=10, injected_removed=0, other_removed=0),
        ]
    )
    assert found["stripped"] == 0.5
    assert found["injected_removed"] == 0.25
    assert found["others_kept"] == pytest.approx(0.91)
    assert found["precision"] == pytest.approx(10 / 19)
    assert found["injected_removed_where_stripped"] == 1.0


def test_nothing_removed_has_no_precision() -> None:
    """And keeps everything."""
    found = figures([Counted(injected=0, other=5, injected_removed=0, other_removed=0)])
    assert (found["precision"], found["injected_removed"], found["others_kept"]) == (
        None,
        None,
        1.0,
    )


def test_the_table_strips_attacks_and_harmless_texts(scanner: Scanner) -> None:
    """Attacks without a known span are left out; the last line is what should stay whole."""
    rows = [row(1, text=f"{CLEAN[0]} {ATTACK}", span=ATTACK), row(1, source="unknown")]
    table = span_table(rows, [row(0)], scanner)
    assert [line["source"] for line in table] == [
        "one", "mean over sources", "all attacks", "harmless documents",
    ]  # fmt: skip
    assert table[0]["injected_removed"] > 0.98
    assert table[0]["others_kept"] > 0.98
    assert (table[3]["n"], table[3]["others_kept"]) == (1, 1.0)
