"""Verdicts of the injection scanner, which is a part of ingestion; kept on disk between runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from ...core.verdict import Decision
from ...ingest.scanner import Scanner
from .vectors import key_of

_SAVED_EVERY = 1000


class Scans:
    """Decisions of one scanner by text; ``ms`` are CPU milliseconds of each new scan."""

    def __init__(self, scanner: Scanner, folder: Path | None = None) -> None:
        self._scanner = scanner
        version = hashlib.sha256(scanner.version.encode()).hexdigest()[:12]
        self._path = folder / f"scans-{version}.json" if folder else None
        self._known: dict[str, str] = {}
        self.ms: list[float] = []
        if self._path and self._path.exists():
            found = json.loads(self._path.read_text())
            self._known, self.ms = found["decisions"], found["ms"]
        self._saved = len(self._known)

    def decisions(self, texts: Sequence[str]) -> list[Decision]:
        """Return what the scanner decides of each text."""
        return [self._decision(text) for text in texts]

    def save(self) -> None:
        """Write what is new."""
        if self._path is None or len(self._known) == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Processes that share a folder may save at once: the last one stays.
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"decisions": self._known, "ms": self.ms}))
        os.replace(part, self._path)
        self._saved = len(self._known)

    def _decision(self, text: str) -> Decision:
        key = key_of(text)
        if key not in self._known:
            started = time.process_time()
            self._known[key] = self._scanner.scan(text).decision.value
            self.ms.append(round((time.process_time() - started) * 1000, 3))
            if len(self._known) - self._saved >= _SAVED_EVERY:
                self.save()
        return Decision(self._known[key])
