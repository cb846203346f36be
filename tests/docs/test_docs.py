"""The docs are true: their Python examples run and their links lead somewhere."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PARTS = (
    "core",
    "pii",
    "tenancy",
    "policies",
    "ingest",
    "retrieval_guard",
    "gateway",
    "cli",
    "benchmarks/injection",
    "benchmarks/poisoning",
)
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _python_blocks() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{at}", code)
        for page in PAGES
        for at, (language, _, code) in enumerate(_FENCE.findall(page.read_text()))
        if language == "python"
    ]


def _doctested() -> list[str]:
    return [
        ".".join(["ragbastion", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
            ".__init__"
        )
        for part in PARTS
        for path in sorted((ROOT / part).rglob("*.py"))
        if ">>> " in path.read_text()
    ]


@pytest.mark.parametrize(("place", "code"), _python_blocks(), ids=lambda value: value[:40])
def test_python_block_runs(place: str, code: str, tmp_path: Path) -> None:
    """A python block of a page runs in an empty folder with an empty state folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HF_HUB_OFFLINE": "1",
            "RAGBASTION_STATE_DIR": str(tmp_path / "state"),
            # The page is run against the tree that these tests import, installed or not.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{place}\n{done.stderr}"


@pytest.mark.parametrize("name", ["ragbastion", *_doctested()])
def test_docstring_examples_run(name: str) -> None:
    """Examples in docstrings print what they say."""
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link of a page names a file of the repository."""
    targets = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    missing = [link for link in targets if not (page.parent / link).exists()]
    assert missing == []
