"""The command from end to end, on some fifty passages."""

import json
from pathlib import Path

import pytest
from ragbastion.benchmarks.poisoning import end_to_end
from ragbastion.benchmarks.poisoning.trial import Asked
from ragbastion.cli.app import app
from typer.testing import CliRunner, Result

from .conftest import Write, clean_fields, poison_fields

FILES = ["poisoning.html", "poisoning.json", "poisoning.md", "poisoning_families.png",
         "poisoning_map.png", "poisoning_tradeoff.png"]  # fmt: skip
ONE = ("--queries", "3", "--no-own", "--no-peers")
SMALL = (*ONE, "--jobs", "1")


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One attack goes through the real guard; settings of the machine are left out."""
    monkeypatch.setattr(end_to_end, "QUESTIONS", 1)
    monkeypatch.chdir(tmp_path)


def bench(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", "poisoning", *map(str, arguments)])


def test_a_folder_is_measured(data: Path, tmp_path: Path) -> None:
    """Tables, files and plots; two budgets after one option; a second run takes what is there."""
    out = tmp_path / "out"
    budgets = ("--budget", "one-doc", "sybil")
    done = bench("--data", data, "--out", out, *SMALL, *budgets, "--json")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == FILES
    found = json.loads(done.stdout)
    assert {row["budget"] for row in found["attacks"]} == {"one-doc", "sybil"}
    assert {row["family"] for row in found["attacks"]} == {"echoed", "echoed no echo"}
    plain = [row for row in found["attacks"] if row["method"] == "no guard"]
    assert all(row["AE@5"] == 1.0 for row in plain)
    ours = [row for row in found["attacks"] if row["method"] == "ragbastion"]
    assert sum(row["violations"] for row in ours) == 0
    assert sum(row["certified"] for row in ours) == sum(row["questions"] for row in ours)
    assert found["skipped"] == {"peers": "skipped: --no-peers"}
    [*_, real] = found["end to end"]["rows"]
    assert real["same guard"] == 1.0
    assert "All methods, sybil" in done.stderr
    again = bench("--data", data, "--out", out, *SMALL, *budgets, "--json")
    assert json.loads(again.stdout)["attacks"] == found["attacks"]


def test_processes_share_the_attacks(data: Path, tmp_path: Path) -> None:
    """Two find what one finds, and leave nothing half-written."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert bench("--data", data, "--out", alone, *SMALL, "--json").exit_code == 0
    done = bench("--data", data, "--out", shared, *ONE, "--jobs", "2", "--json")
    assert done.exit_code == 0, done.stderr
    rows = [json.loads((out / "poisoning.json").read_text())["attacks"] for out in (alone, shared)]
    for row in (row for found in rows for row in found):
        del row["ms per query"]
    assert rows[0] == rows[1]
    assert not list(shared.rglob("*.part*"))


def test_files_can_be_named(data: Path, tmp_path: Path) -> None:
    """Several after one option."""
    folder = data / "poison"
    clean = [folder / "clean_museums.jsonl", folder / "clean_libraries.jsonl"]
    attack = folder / "poison_echoed.jsonl"
    arguments = ("--clean", *clean, "--attack", attack, "--budget", "one-doc")
    done = bench(*arguments, "--out", tmp_path / "out", *SMALL)
    assert done.exit_code == 0, done.stderr
    found = json.loads((tmp_path / "out" / "poisoning.json").read_text())
    assert set(found["documents"]["clean by domain"]) == {"museums", "libraries"}
    assert "Nothing planted" in done.stdout


def test_a_wrong_certificate_is_a_finding(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1."""
    monkeypatch.setattr(Asked, "violated", True)
    done = bench("--data", data, "--out", tmp_path / "out", *SMALL, "--budget", "one-doc")
    assert done.exit_code == 1


def test_a_bad_row_fails(data: Path, tmp_path: Path, write: Write) -> None:
    """File and line on stderr, exit code 3, and no result."""
    write("poison_bad.jsonl", [poison_fields(0), {**poison_fields(1), "label": 0}])
    done = bench("--data", data, "--out", tmp_path / "out", *SMALL)
    assert done.exit_code == 3
    assert "poison_bad.jsonl', line 2 refused: 'label' must be 1" in done.stderr
    assert not (tmp_path / "out" / "poisoning.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--queries", "nowhere.txt"),
        ("--budget", "unlimited"),
        ("--clean", "nowhere.jsonl"),
        ("--data", "nowhere"),
    ],
)
def test_wrong_usage(data: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2."""
    done = bench("--data", data, "--out", tmp_path / "out", *arguments)
    assert done.exit_code == 2


def test_nothing_to_attack_with_is_wrong_usage(write: Write, tmp_path: Path) -> None:
    """Where our own attacks are left out too."""
    path = write("clean_a.jsonl", [clean_fields(at) for at in range(12)])
    done = bench("--clean", path, "--out", tmp_path / "out", *SMALL)
    assert done.exit_code == 2
    assert "nothing to attack with" in done.stderr


def test_neither_data_nor_files_is_wrong_usage(tmp_path: Path) -> None:
    """The message says what to give."""
    done = bench("--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "--data" in done.stderr


def test_a_folder_that_cannot_be_written_is_refused_first(data: Path, tmp_path: Path) -> None:
    """Before anything is embedded, which may take minutes; the error says what to do."""
    (tmp_path / "file").write_text("")
    done = bench("--data", data, "--out", tmp_path / "file" / "out", *SMALL)
    assert done.exit_code == 2
    assert "nothing can be written there" in done.stderr
    assert "ingesting" not in done.stderr
