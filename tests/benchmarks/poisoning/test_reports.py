"""The reports: hostile names stay text, and aims say what is missed."""

from pathlib import Path

import pytest
from ragbastion.benchmarks.poisoning.aims import aims
from ragbastion.benchmarks.poisoning.markdown import escaped, markdown
from ragbastion.benchmarks.poisoning.page import page
from ragbastion.benchmarks.poisoning.show import cell, show
from ragbastion.benchmarks.poisoning.tables import summary

HOSTILE = "<script>alert(1)</script>|[x](javascript:y)\x1b[2J"


def results(exposed: float = 0.5) -> dict[str, object]:
    """Return a run of one family whose name is hostile."""
    row = {
        "family": HOSTILE, "group": "echo", "budget": "sybil", "method": "ragbastion",
        "questions": 4, "PE@5": exposed, "PE@5 95%": (0.4, 0.6), "AE@5": 1.0, "MR@5": 0.0,
        "GK@10": None, "violations": 0, "certified": 4,
    }  # fmt: skip
    honest = {
        "method": "ragbastion", "GK@10": 1.0, "CR@10": 0.0, "ms per query": 1.0,
        "GK@10 established": 1.0, "CR@10 established": 0.0, "GK@10 newcomers": 0.0,
        "CR@10 newcomers": 1.0,
    }  # fmt: skip
    held = {
        "family": HOSTILE, "group": "echo", "budget": "sybil", "Q-TPR": 0.9, "flagged": 1.0,
        "by": {"outlier.x": 1.0},
    }  # fmt: skip
    group = {"group": "echo", "budget": "sybil", "Q-TPR macro": 0.9}
    found: dict[str, object] = {
        "attacks": [row],
        "summary": summary([row]),
        "honest": [honest],
        "quarantine": {"poison": [held], "groups": [group], "clean": []},
        "settings": {"budgets": {"sybil": "five"}, "seed": 7},
        "documents": {"clean": 5, "families": 1},
        "methods": {"ragbastion": HOSTILE},
        "skipped": {},
        "cost": {"signals": {"documents": 3, "ms per document": 9.0}},
        "end to end": {},
        "seconds": 1.0,
    }
    return {**found, "aims": aims(found)}


def test_html_runs_nothing(tmp_path: Path) -> None:
    """No tag of the data is a tag of the page, and the page may load nothing."""
    made = page(results(), tmp_path)
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert "default-src 'none'" in made
    assert "\x1b" not in made


def test_markdown_holds_no_markup_of_the_data() -> None:
    """Tags, links, table cells."""
    made = markdown(results())
    assert "<script>" not in made
    assert "](javascript" not in made
    assert "\x1b" not in made
    assert escaped("a|b<c>[d](e)") == r"a\|b\<c\>\[d\]\(e\)"


def test_a_terminal_gets_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    """The tables may go to stderr."""
    show(results(), stderr=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "script" in said.err
    assert "\x1b[2J" not in said.err


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0.12345, "0.123"), ((0.1, 0.25), "0.10–0.25"), (3, "3")]
)
def test_cells(value: object, shown: str) -> None:
    """Three digits, and a dash for what is not known."""
    assert cell(value) == shown


def test_aims_say_what_is_missed_and_by_how_much() -> None:
    """Above a limit, below a limit, and met."""
    found = {row["aim"]: row for row in aims(results(0.5))}
    assert found["PE@5 macro, sybil"]["holds"] == "NO"
    assert found["PE@5 macro, sybil"]["off by"] == pytest.approx(0.4)
    assert found["Q-TPR echo, sybil"]["off by"] == pytest.approx(0.05)
    assert found["certificate violations"]["holds"] == "yes"
    assert found["GK@10, newcomers only"]["holds"] == "NO"
    assert "GK@10 under attack, sybil" not in found
    assert {row["aim"]: row["holds"] for row in aims(results(0.1))}["PE@5 macro, sybil"] == "yes"


def test_a_summary_names_the_worst_family() -> None:
    """The mean is over families, whatever their size."""
    rows = [
        {
            "method": "m", "budget": "sybil", "family": name, "PE@5": value, "AE@5": value,
            "MR@5": 0.0, "GK@10": None, "violations": 0, "certified": 0, "questions": n,
        }
        for name, value, n in (("a", 0.1, 100), ("b", 0.3, 1))
    ]  # fmt: skip
    [found] = summary(rows)
    assert found["PE@5 macro"] == pytest.approx(0.2)
    assert (found["worst family"], found["PE@5 worst"]) == ("b", 0.3)
    assert found["GK@10 macro"] is None
