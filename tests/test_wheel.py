"""The built wheel installs in an empty environment and its command runs."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from this checkout with the installed setuptools."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "-w", "--no-isolation", "-o", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [path] = out.glob("*.whl")
    return path


def test_wheel_holds_code_and_data_only(wheel: Path) -> None:
    """Code, rules, policies and the demo corpus are in; tests and docs are not."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"ragbastion", f"ragbastion-{wheel.name.split('-')[1]}.dist-info"}
    inside = {name.split("/")[1] for name in names if name.startswith("ragbastion/")}
    assert not inside & {"tests", "docs"}
    assert any(name.endswith(".cedar") for name in names)
    assert any(name.startswith("ragbastion/examples/corpus/") for name in names)
    assert "ragbastion/py.typed" in names


def test_wheel_holds_the_benchmarks_of_commands_only(wheel: Path) -> None:
    """The benchmarks that commands run are in; training, other scripts and results are not."""
    top = "ragbastion/benchmarks/"
    names = {n.removeprefix(top) for n in zipfile.ZipFile(wheel).namelist() if n.startswith(top)}
    shipped = {
        path.relative_to(ROOT / "benchmarks").as_posix()
        for folder in ("injection", "poisoning", "tenancy")
        for path in (ROOT / "benchmarks" / folder).rglob("*.py")
    }
    assert names == {"__init__.py", "report.py"} | shipped


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_wheel_installs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """With the base dependencies alone, the command scans."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    _install(python, wheel)
    done = subprocess.run(
        [tmp_path / "env" / "bin" / "ragbastion", "scan", "--jsonl", "-"],
        input='{"id": 1, "text": "The harbour opens at six."}\n',
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, '"decision": "allow"' in done.stdout) == (0, True), done.stderr


def _install(python: Path, wheel: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", str(wheel)], capture_output=True, text=True
    )
    if "connection" in done.stderr.lower():
        pytest.skip("no package registry answers: an empty environment cannot be filled")
    assert done.returncode == 0, done.stderr
