"""The command from end to end, on ten documents."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ragbastion.benchmarks.injection import latency, run
from ragbastion.cli.app import app
from ragbastion.core.errors import MissingExtraError
from ragbastion.core.settings import ScanSettings
from typer.testing import CliRunner, Result

from .conftest import ATTACK, CLEAN, Write


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long documents are for measuring; settings of the machine are left out."""
    monkeypatch.setattr(latency, "LENGTHS", {200: 2})
    monkeypatch.chdir(tmp_path)


def bench(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", "injection", *map(str, arguments)])


def test_ten_documents_are_measured(data: Path, tmp_path: Path) -> None:
    """Tables on stdout, one JSON file and three plots in a folder that did not exist."""
    out = tmp_path / "new" / "out"
    done = bench("--data", data, "--out", out, "--no-peers")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "injection.json",
        "injection_calibration.png",
        "injection_roc.png",
        "injection_sources.png",
    ]
    found = json.loads((out / "injection.json").read_text())
    assert found["documents"] == {"attacks": 4, "harmless": 6, "beside": 1}
    thresholds = ("at_0.1", "at_1", "at_5", "preset_0.1", "preset_1", "preset_5")
    assert set(found["recall"]) == set(thresholds)
    assert {found["recall"][name] for name in thresholds[:3]} == {1.0}
    assert (found["macro"]["stop"], found["auroc"]) == (1.0, 1.0)
    assert list(found["compared"]) == ["TF-IDF", "key words", "ragbastion"]
    assert found["skipped"] == {"peers": "skipped: --no-peers"}
    assert found["origin"]["seed"] == run.SEED
    assert "Harmless documents held" in done.stdout
    assert "scanner: 11 documents" in done.stderr


def test_a_limit_takes_some_of_each(data: Path, tmp_path: Path) -> None:
    """One of every source and label."""
    done = bench("--data", data, "--out", tmp_path / "out", "--no-peers", "--limit", "1")
    assert done.exit_code == 0, done.stderr
    found = json.loads((tmp_path / "out" / "injection.json").read_text())
    assert found["documents"] == {"attacks": 2, "harmless": 2, "beside": 1}


def test_a_table_of_sources_left_out_is_shown(data: Path, tmp_path: Path) -> None:
    """It is said to be read, with the command that writes it."""
    out = tmp_path / "out"
    out.mkdir()
    table = {
        "protocol": "as agreed",
        "command": "python -m training",
        "commit": "abc1234",
        "sources": {"bipia": {"recall_at_1": 0.5}},
        "macro": {"recall_at_1": 0.5},
    }
    (out / "injection_loso.json").write_text(json.dumps(table))
    done = bench("--data", data, "--out", out, "--no-peers")
    assert "read, not measured now" in done.stdout
    assert "abc1234 by: python -m training" in done.stdout
    found = json.loads((out / "injection.json").read_text())
    assert found["compared"]["TF-IDF"]["times_left_out"] > 0


def test_a_source_may_have_any_name(write: Write, tmp_path: Path) -> None:
    """What would be markup to a table or a formula to a plot is shown as it is written."""
    odd = "[/b] $\\frac$"
    rows = [{"text": text, "label": n, "source": odd} for n, text in enumerate((CLEAN[0], ATTACK))]
    done = bench("--data", write("odd.jsonl", rows), "--out", tmp_path / "out", "--no-peers")
    assert done.exit_code == 0, done.stderr
    assert odd in done.stdout


def test_a_broken_line_is_a_failure(data: Path, tmp_path: Path, write: Write) -> None:
    """The file and the line are named, and nothing is written."""
    write("injection/zz.jsonl", [{"text": "a"}])
    done = bench("--data", data, "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "zz.jsonl', line 1 refused: 'label' must be 1" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["missing", "empty", "file"])
def test_a_folder_without_data_is_wrong_usage(tmp_path: Path, what: str) -> None:
    """Exit code 2, with one line that says why."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    done = bench("--data", tmp_path / what, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr != ""


def test_both_folders_are_needed(tmp_path: Path) -> None:
    """The command has no default that would write somewhere."""
    assert bench("--data", tmp_path).exit_code == 2
    assert bench("--out", tmp_path).exit_code == 2


def test_a_missing_extra_is_told_before_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ragbastion\[bench\]'"):
        run.require_extra()


def test_presets_are_thresholds_of_the_scanner() -> None:
    """None without a classifier; else one a budget, higher for fewer false alarms."""
    found = run.presets(ScanSettings())
    values = list(found.values())
    assert set(found) == {"preset_0.1", "preset_1", "preset_5"}
    assert values == sorted(values, reverse=True)


def test_the_command_line_loads_no_benchmark() -> None:
    """Help of everything else is not slowed down by plots."""
    code = (
        "import sys, ragbastion.cli.app; "
        "print([n for n in ('matplotlib', 'sklearn', 'ragbastion.benchmarks') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
