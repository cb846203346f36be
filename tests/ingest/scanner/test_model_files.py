"""The classifier's files: what is not sound is refused with a reason, never skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ragbastion.core.errors import SettingsError
from ragbastion.core.settings import ScanSettings
from ragbastion.ingest.scanner import Scanner
from ragbastion.ingest.scanner.model_files import SHIPPED, read_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "model"))


def _manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _digest(folder: Path, name: str, content: bytes) -> None:
    import hashlib

    (folder / name).write_bytes(content)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    _manifest(folder, files=files | {name: hashlib.sha256(content).hexdigest()})


def test_the_shipped_model_is_sound() -> None:
    """Its files match its manifest, and together stay under 30 MB."""
    files = read_model(SHIPPED)
    assert set(files.manifest.files) == {"network.onnx", "tokenizer.json", "gate.onnx"}
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 30_000_000


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: (f / "network.onnx").unlink(), "cannot be read"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda f: (f / "manifest.json").write_text("{"), "manifest.json"),
        (lambda f: _manifest(f, format=2), "its format is 2"),
        (lambda f: _manifest(f, extra=1), "extra"),
        (lambda f: _manifest(f, files={}), "lacks"),
        (lambda f: (f / "network.onnx").write_bytes(b"short"), "corrupt or was changed"),
        (lambda f: (f / "gate.onnx").write_bytes(b"x" * 99), "corrupt or was changed"),
        (lambda f: _digest(f, "network.onnx", b"no network"), "network.onnx cannot be loaded"),
        (lambda f: _digest(f, "tokenizer.json", b"{}"), "tokenizer.json is not one"),
        (lambda f: _digest(f, "gate.onnx", b"no arrays"), "gate.onnx cannot be loaded"),
        (lambda f: (f / "combination.json").write_text("{}"), "combination.json"),
    ],
)
def test_a_model_that_is_not_sound_is_refused(
    folder: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    """Missing, changed, foreign and wrong-version files are errors that say which file and why."""
    spoil(folder)
    with pytest.raises(SettingsError, match=reason):
        Scanner(ScanSettings(classifier=folder))


def test_a_file_outside_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """A manifest cannot point elsewhere, and a link cannot either."""
    (folder / "gate.onnx").rename(tmp_path / "gate.onnx")
    (folder / "gate.onnx").symlink_to(tmp_path / "gate.onnx")
    with pytest.raises(SettingsError, match="own folder"):
        Scanner(ScanSettings(classifier=folder))


def test_another_folder_with_the_same_model_judges_alike(folder: Path) -> None:
    """A setting names the model; the same files give the same version and verdict."""
    text = "Compose a limerick about herons. The invoice is due on Monday."
    ours, theirs = Scanner(), Scanner(ScanSettings(classifier=folder))
    assert (ours.version, ours.scan(text).score) == (theirs.version, theirs.scan(text).score)
