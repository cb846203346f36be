"""Results on disk between runs: a run that was killed goes on, and nothing stale is taken.

Each result has its own file, named by a digest of all that decides it: the code of the guard and of
this benchmark, the data, and the question asked of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parents[2]
_PARTS = ("core", "ingest", "retrieval_guard", "benchmarks/poisoning")
_DECIDES = ("*.py", "*.yaml", "*.json", "*.onnx")


class Cache:
    """Files in ``folder``; None keeps nothing. ``base`` is said by all results of a run."""

    def __init__(self, folder: Path | None, base: Any = None) -> None:
        self._folder = folder
        self._base = base

    def get(self, name: str, decides: Any, make: Callable[[], Any]) -> Any:
        """Return the stored JSON value for ``name`` and ``decides``, or make and store it."""
        if self._folder is None:
            return make()
        key = digest([name, self._base, decides, code_digest()])[:20]
        path = self._folder / f"{_plain(name)}-{key}.json"
        try:
            return json.loads(path.read_text())
        # Missing, or cut short by a kill of something else than us.
        except (OSError, ValueError):
            value = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(value))
        os.replace(part, path)
        return value


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Return the digest of every file of the package that can decide a result."""
    found = hashlib.sha256()
    for part in _PARTS:
        for pattern in _DECIDES:
            for path in sorted((_PACKAGE / part).rglob(pattern)):
                found.update(path.relative_to(_PACKAGE).as_posix().encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[:60]
