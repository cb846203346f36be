"""The command from end to end: files, exit codes, and going on after a kill."""

import json
from pathlib import Path
from typing import Any

import pytest
from ragbastion.benchmarks.tenancy import GUARDED, NAIVE, attack, finder, run
from ragbastion.benchmarks.tenancy.findings import Tally
from ragbastion.cli.app import app
from typer.testing import CliRunner, Result


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one history, a control that is content with one leak, few timings; no server."""
    for module in (attack, run):
        monkeypatch.setattr(module, "BLOCK", 1)
    for module in (attack, finder):
        monkeypatch.setattr(module, "EXPECTED", frozenset({"count"}))
    monkeypatch.setattr(attack.Attack.timing, "__defaults__", (5,))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDRANT_URL", raising=False)


def bench(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", "tenancy", "--out", "out", *arguments])


def found() -> dict[str, Any]:
    """Return what was written."""
    whole: dict[str, Any] = json.loads(Path("out/tenancy.json").read_text())
    return whole


def test_clean_clients_exit_0() -> None:
    """The matrix on stdout, JSON, picture and journal in the folder."""
    done = bench("--calls", "150")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "tenancy.json",
        "tenancy.jsonl",
        "tenancy.png",
    ]
    told = found()
    assert (told["leaks"], told["complete"], told["histories"]) == ({}, True, 1)
    assert set(told["subjects"]) == {"guarded", "guarded, async"}
    assert "guarded: calls by method and attack" in done.stdout
    assert "0 leaks; seed 7" in done.stdout


def test_a_client_that_leaks_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaks are findings, told with how to repeat them."""
    monkeypatch.setattr(run, "_KINDS", {"sync": ([NAIVE], [NAIVE])})
    done = bench("--calls", "100", "--clients", "sync")
    assert done.exit_code == 1, done.stderr
    assert "LEAK naive wrapper" in done.stdout
    assert "history 0, call" in done.stdout
    assert found()["leaks"]


def test_a_missed_control_exits_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finder that finds nothing proves nothing."""
    monkeypatch.setattr(attack.Attack.control, "__defaults__", (1,))
    monkeypatch.setattr(run, "_KINDS", {"sync": ([GUARDED], [GUARDED])})
    done = bench("--calls", "100", "--clients", "sync")
    assert done.exit_code == 3
    assert "missed leaks" in done.stderr


def test_a_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that are written down are not run again, and a block cut short is."""
    assert bench("--calls", "100", "--clients", "sync").exit_code == 0
    journal = Path("out/tenancy.jsonl")
    journal.write_text(journal.read_text() + '{"block": 1, "seco')
    ran: list[int] = []
    whole = attack.Attack.block

    def block(self: attack.Attack, number: int) -> dict[str, Tally]:
        ran.append(number)
        return whole(self, number)

    monkeypatch.setattr(attack.Attack, "block", block)
    assert bench("--calls", "300", "--clients", "sync").exit_code == 0
    assert ran == [1, 2]
    assert found()["histories"] == 3


def test_a_run_that_is_interrupted_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done before is written and said to be cut short."""
    whole = attack.Attack.block

    def block(self: attack.Attack, number: int) -> dict[str, Tally]:
        if number:
            raise KeyboardInterrupt
        return whole(self, number)

    monkeypatch.setattr(attack.Attack, "block", block)
    done = bench("--calls", "300", "--clients", "sync")
    assert done.exit_code == 130
    assert (found()["complete"], found()["histories"]) == (False, 1)
    assert "cut short" in done.stdout


def test_another_run_is_not_mixed_in() -> None:
    """A folder with the journal of other settings is refused."""
    assert bench("--calls", "100", "--clients", "sync").exit_code == 0
    done = bench("--calls", "100", "--clients", "sync", "--seed", "8")
    assert done.exit_code == 2
    assert "other settings" in done.stderr


@pytest.mark.slow
def test_processes_share_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes do what one would, and find as little."""
    monkeypatch.undo()  # processes of their own know nothing of it
    monkeypatch.delenv("QDRANT_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    done = bench("--calls", "1100", "--clients", "sync", "--jobs", "2")
    assert done.exit_code == 0, done.stderr
    told = found()
    assert (told["complete"], told["histories"], told["leaks"]) == (True, 20, {})
