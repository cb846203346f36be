"""Results on disk between runs: a run that was killed goes on, and nothing stale is taken.

Each result has its own file, named by a digest of all that decides it: the code of the guard and of
this benchmark, the data, and the question asked of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parents[2]
GUARD = ("core", "ingest", "retrieval_guard", "benchmarks/poisoning")
"""Folders whose code decides a measurement."""
ATTACKS = ("benchmarks/poisoning/attacks",)
"""Those that decide what an attacker writes, who does not run the guard."""
_DECIDES = ("*.py", "*.yaml", "*.json", "*.onnx", "*.npz", "*.txt")
_SHOWS = frozenset(
    {"show.py", "plots.py", "tables.py", "markdown.py", "page.py", "run.py", "shares.py"}
)


class Cache:
    """Files in ``folder``; None keeps nothing.

    ``base`` is said by all results of a run, and the code of ``parts`` decides them.
    """

    def __init__(self, folder: Path | None, base: Any = None, parts: Sequence[str] = GUARD) -> None:
        self._folder = folder
        self._base = base
        self._parts = tuple(parts)

    def get(self, name: str, decides: Any, make: Callable[[], Any]) -> Any:
        """Return the stored JSON value for ``name`` and ``decides``, or make and store it."""
        if self._folder is None:
            return make()
        key = digest([name, self._base, decides, code_digest(self._parts)])[:20]
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
def code_digest(parts: tuple[str, ...]) -> str:
    """Return the digest of every file of these folders that can decide a result."""
    found = hashlib.sha256()
    for part in parts:
        for pattern in _DECIDES:
            for path in sorted((_PACKAGE / part).rglob(pattern)):
                if path.name in _SHOWS and path.parent == Path(__file__).parent:
                    continue
                found.update(path.relative_to(_PACKAGE).as_posix().encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[:60]
