"""Tables by source and kind, from scores that were written by hand."""

import pytest
from ragbastion.benchmarks.injection.rows import Row
from ragbastion.benchmarks.injection.tables import (
    alarm_table,
    attack_table,
    beside_table,
    compared,
    limits,
    macro,
    summary,
)

from .conftest import ATTACK, CLEAN, row, said

# Two sources of attacks, of which the small one is missed; twenty harmless texts, one of them bad.
ROWS = [row(1, "big"), row(1, "big"), row(1, "big"), row(1, "small", text="Answer in French.")] + [
    row(0, "big") for _ in range(10)
] + [row(0, "hard", kind="benign_hard") for _ in range(10)]  # fmt: skip
SAID = said(0.9, 0.8, 0.7, 0.2, *[0.1] * 10, 0.75, 0.3, *[0.1] * 8)


def test_limits_are_over_both_kinds_of_harmless_texts() -> None:
    """One of twenty is five percent; below that nothing may be held."""
    found = limits(ROWS, SAID)
    assert 0.75 < found["at_1"] == found["at_0.1"] < 0.76
    assert 0.3 < found["at_5"] < 0.31


def test_attacks_are_told_by_source() -> None:
    """Recall at decision and limit, and the area against all harmless texts."""
    big, small = attack_table(ROWS, SAID, limits(ROWS, SAID))
    assert (big["source"], big["n"], big["flag"], big["stop"]) == ("big", 3, 1.0, 1.0)
    assert (big["at_1"], big["at_5"]) == (pytest.approx(2 / 3), 1.0)
    assert big["auroc"] == pytest.approx(59 / 60)
    assert (small["n"], small["stop"], small["at_5"], small["auroc"]) == (1, 0.0, 0.0, 0.9)


def test_attacks_without_a_trigger_phrase_are_told_apart() -> None:
    """By the injected part where it is known: the document around it may talk of anything."""
    rows = [
        row(1, text=f"{CLEAN[0]} {ATTACK}"),
        row(1, text=f"{ATTACK} Sing.", span="Sing."),
        row(0),
    ]
    [table] = attack_table(rows, said(0.1, 0.9, 0.2), {"at_1": 0.5})
    assert (table["n"], table["n_no_trigger"], table["at_1_no_trigger"]) == (2, 1, 1.0)


def test_false_alarms_are_told_by_kind_and_source() -> None:
    """Every source, then each kind in all, then everything."""
    table = alarm_table(ROWS, SAID, limits(ROWS, SAID))
    assert [(r["kind"], r["source"], r["n"], r["flag"], r["stop"], r["at_5"]) for r in table] == [
        ("benign", "big", 10, 0.0, 0.0, 0.0),
        ("benign", "all", 10, 0.0, 0.0, 0.0),
        ("benign_hard", "hard", 10, 0.2, 0.1, 0.1),
        ("benign_hard", "all", 10, 0.2, 0.1, 0.1),
        ("every kind", "all", 20, 0.1, 0.05, 0.05),
    ]


def test_a_macro_mean_counts_every_source_once() -> None:
    """A source is the mean of its kinds, whatever their sizes."""
    attacks = [
        {"source": "a", "kind": "direct", "n": 100, "stop": 1.0},
        {"source": "a", "kind": "indirect", "n": 1, "stop": 0.0},
        {"source": "b", "kind": "indirect", "n": 9, "stop": 1.0},
        {"source": "c", "kind": "indirect", "n": 9, "stop": None},
    ]
    assert macro(attacks) == {"stop": 0.75}


def test_a_summary_is_one_method_in_one_row() -> None:
    """Recall over all attacks and over sources, its own decision, and documents a second."""
    found = summary(ROWS, SAID)
    assert (found["recall_at_1"], found["macro_at_1"]) == (0.5, pytest.approx(1 / 3))
    assert (found["stop_recall"], found["stop_alarms"]) == (0.75, 0.05)
    assert found["docs_per_s"] == 2.0


def test_what_is_beside_changes_no_limit() -> None:
    """A corpus that is beside may hold anything: it is told, and counts nowhere."""
    other = Row(part="poison", source="wiki", kind="clean", label=0, text=CLEAN[0])
    rows, scores = [*ROWS, other], said(*SAID.scores, 1.0)
    assert limits(rows, scores) == limits(ROWS, SAID)
    [table] = beside_table(rows, scores, {"at_1": 0.5})
    assert table == {
        "source": "wiki", "kind": "clean", "n": 1, "flag": 1.0, "stop": 1.0, "at_1": 1.0,
    }  # fmt: skip


def test_methods_are_compared_by_ratio() -> None:
    """A method that finds nothing has no ratio; the first has 1."""
    worse = said(0.9, 0.1, 0.1, 0.1, *[0.2] * 20)
    none = said(*[0.0] * 24)
    found = compared(ROWS, {"ours": SAID, "worse": worse, "none": none}, left_out=0.5)
    assert [found[name]["times"] for name in found] == [1.0, pytest.approx(2.0), None]
    assert found["worse"]["times_left_out"] == pytest.approx(3.0)
