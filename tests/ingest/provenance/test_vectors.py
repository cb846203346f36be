"""The published test vectors are what the code makes, and another implementation agrees."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
FILE = HERE / "vectors" / "v2.json"


def _node(file: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js, for which the second implementation is written")
    return subprocess.run(
        [node, HERE / "vectors" / "check.mjs", file], capture_output=True, text=True
    )


def test_the_code_makes_the_published_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte at every step is the same as when the version was finished."""
    monkeypatch.syspath_prepend(str(HERE))
    import make_vectors

    assert make_vectors.text() == FILE.read_text()
    for name in ("make_vectors", "make_golden"):
        sys.modules.pop(name, None)


def test_node_verifies_the_vectors() -> None:
    """JavaScript takes each chunk from its fields to the signature over its batch."""
    done = _node(FILE)
    assert (done.returncode, done.stdout) == (0, "7 chunks verify\n")


CHANGES: dict[str, tuple[Any, str]] = {
    "text": ("x", "text"),
    "metadata": ({"title": "x"}, "metadata"),
    "document": ("x", "leaf"),
    "position": (5, "leaf"),
    "tenant": ("x", "tenant"),
    "vector": ([1.0] + [0.0] * 47, "grid"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_node_refuses_what_was_changed(field: str, tmp_path: Path) -> None:
    """The second implementation is a verifier, and not a script that always agrees."""
    data = json.loads(FILE.read_text())
    data["chunks"][3][field], step = CHANGES[field]
    (tmp_path / "changed.json").write_text(json.dumps(data))
    done = _node(tmp_path / "changed.json")
    assert done.returncode == 1
    assert done.stdout.startswith(step)


def test_node_refuses_another_signature(tmp_path: Path) -> None:
    """An envelope whose signature is another's opens nothing."""
    data = json.loads(FILE.read_text())
    envelope = json.loads(data["envelope"]["json"])
    envelope["signatures"][0]["sig"] = "A" * 86 + "=="
    text = json.dumps(envelope, sort_keys=True)
    data["envelope"].update(json=text, id=hashlib.sha256(text.encode()).hexdigest()[:32])
    (tmp_path / "changed.json").write_text(json.dumps(data))
    assert _node(tmp_path / "changed.json").stdout == "the signature is bad\n"
