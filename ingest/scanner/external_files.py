"""The folder of a model that is not ours: what may be read of it, and its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...core.errors import SettingsError

_READ = frozenset({".json", ".model", ".safetensors", ".txt"})


def require_safe(path: Path) -> None:
    """Raise `SettingsError` unless ``path`` is a folder whose weights are plain numbers."""
    if not path.is_dir():
        raise SettingsError(f"external model '{path}' refused: no such folder; download it first")
    if (path / "adapter_config.json").exists():
        raise SettingsError(f"external model '{path}' refused: it is an adapter; merge it first")
    if not any(path.glob("*.safetensors")):
        raise SettingsError(
            f"external model '{path}' refused: it holds no safetensors file; pickled weights can "
            "run code, so convert them"
        )


def digest(path: Path, read: str) -> str:
    """Return eight digits of what the folder holds and of ``read``, which says how it is read."""
    total = hashlib.sha256(read.encode())
    for file in sorted(path.iterdir()):
        if file.suffix in _READ and file.is_file():
            with file.open("rb") as content:
                total.update(
                    f"{file.name}:{hashlib.file_digest(content, 'sha256').hexdigest()}".encode()
                )
    return total.hexdigest()[:8]
