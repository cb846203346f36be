"""The hook of ``.pre-commit-hooks.yaml``, run as pre-commit runs it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import INJECTION

ROOT = Path(__file__).parents[2]
# The keys of a hook, and the ones that it must have (pre-commit.com, "Creating new hooks").
REQUIRED = {"id", "name", "entry", "language"}
OPTIONAL = {
    "additional_dependencies", "always_run", "args", "description", "exclude", "exclude_types",
    "fail_fast", "files", "language_version", "log_file", "minimum_pre_commit_version",
    "pass_filenames", "require_serial", "stages", "types", "types_or", "verbose",
}  # fmt: skip


@pytest.fixture
def hook() -> dict[str, Any]:
    """The only hook of the manifest."""
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert isinstance(hook, dict)
    return hook


def test_the_manifest_has_the_keys_of_pre_commit(hook: dict[str, Any]) -> None:
    """All that are required, and none that pre-commit does not know."""
    assert set(hook) >= REQUIRED
    assert set(hook) <= REQUIRED | OPTIONAL
    assert (hook["id"], hook["language"], hook["types"]) == ("ragbastion-scan", "python", ["text"])
    assert hook.get("pass_filenames", True)


def test_the_extra_of_the_hook_exists(hook: dict[str, Any]) -> None:
    """Without the loaders, Markdown and HTML would fail."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert hook["additional_dependencies"] == [".[load]"]
    assert "load" in project["optional-dependencies"]


def run_hook(hook: dict[str, Any], repository: Path, *files: str) -> tuple[int, str]:
    """Run the entry with file names in the repository, as pre-commit does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*shlex.split(hook["entry"]), *hook.get("args", []), *files],
        cwd=repository,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_commit_with_an_instruction_fails(hook: dict[str, Any], tmp_path: Path) -> None:
    """The output names the file and the line."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text(f"# Guide\n\n{INJECTION}\n")
    (tmp_path / "setup.py").write_text("")
    code, said = run_hook(hook, tmp_path, "docs/guide.md", "setup.py")
    assert code == 1
    assert "guide.md" in said
    assert "line 3" in said


def test_a_clean_commit_passes(hook: dict[str, Any], tmp_path: Path) -> None:
    """Code, an empty file and a name that begins with a dot."""
    (tmp_path / "main.py").write_text("print('The harbour opens at six.')\n")
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / ".gitignore").write_text("build/\n")
    code, _ = run_hook(hook, tmp_path, "main.py", "__init__.py", ".gitignore")
    assert code == 0


def test_arguments_of_the_user_come_first(hook: dict[str, Any], tmp_path: Path) -> None:
    """``args`` of a configuration stand before the names."""
    (tmp_path / "guide.md").write_text(INJECTION)
    asked = {**hook, "args": ["--fail-on", "never", "--exclude", "*.txt"]}
    assert run_hook(asked, tmp_path, "guide.md")[0] == 0
