"""The commands of docs/scan_folders.md do what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

PAGE = Path(__file__).parents[2] / "docs" / "scan_folders.md"
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\$ (.*?)(?:\s+# exit (\d))?")


def test_the_commands_exit_as_the_page_says(tmp_path: Path) -> None:
    """Every line of the console blocks, in order, in one folder."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "RAGBASTION_STATE_DIR": str(tmp_path / "state"),
    }
    ran = 0
    for line in "".join(_CONSOLE.findall(PAGE.read_text())).splitlines():
        found = _COMMAND.fullmatch(line)
        assert found is not None, line
        done = subprocess.run(
            ["bash", "-c", found[1]], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == int(found[2] or 0), f"{line}\n{done.stderr}"
        ran += 1
    assert ran > 10
    assert (tmp_path / "ragbastion.sarif").stat().st_size > 0


def test_the_configurations_are_yaml() -> None:
    """The hook that the page names is the one of the manifest."""
    job, hooks = (yaml.safe_load(block) for block in _YAML.findall(PAGE.read_text()))
    manifest = yaml.safe_load((PAGE.parents[1] / ".pre-commit-hooks.yaml").read_text())
    assert hooks["repos"][0]["hooks"][0]["id"] == manifest[0]["id"]
    assert job[1]["with"]["sarif_file"] in job[0]["run"]
