"""The newest checkpoint that was seen, in a file of its own: what a rollback is measured by.

Who can put back an older log can put back this file as well, so keep it, or a copy, where whoever
may write the log may not: the setting ``provenance.log.seen`` names its place.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....core.errors import TransparencyError
from ....core.sqlite import as_store_error
from .checkpoint import Checkpoint, open_checkpoint
from .note import MAX_NOTE_BYTES, NoteKey

_FLUSH_EVERY_S = 1.0
"""A file that is this much behind still shows every rollback to before that moment."""


class SeenCheckpoint:
    """Keeps the newest checkpoint that any process has seen; the file only ever moves forward."""

    def __init__(self, path: Path, log: NoteKey) -> None:
        self._path = path
        self._log = log
        self._waiting: Checkpoint | None = None
        self._flushed_at = 0.0

    def read(self) -> Checkpoint | None:
        """Return the checkpoint, or None if none was seen yet.

        Raises `TransparencyError` for a file that is not a checkpoint of the log.
        """
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_NOTE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise as_store_error(error, self._path) from error
        try:
            return open_checkpoint(data.decode(), self._log)
        except (UnicodeDecodeError, TransparencyError) as error:
            raise TransparencyError(
                f"seen checkpoint '{self._path}' refused: it is damaged, or of another log's key; "
                "restore the file, or remove it if nothing was rolled back for certain"
            ) from error

    def note(self, checkpoint: Checkpoint) -> None:
        """Remember a checkpoint; the file follows within a second of the next call, or `flush`."""
        self._waiting = checkpoint
        if time.monotonic() - self._flushed_at >= _FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write what is remembered, unless the file is already further; survives power loss."""
        waiting, self._waiting = self._waiting, None
        self._flushed_at = time.monotonic()
        if waiting is None:
            return
        try:
            with self._locked():
                kept = self.read()
                if kept is None or _order(kept) < _order(waiting):
                    self._replace(waiting.note)
        except OSError as error:
            raise as_store_error(error, self._path) from error

    def _replace(self, note: str) -> None:
        draft = self._path.with_name(f"{self._path.name}.draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self._path.with_name(f"{self._path.name}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _order(checkpoint: Checkpoint) -> tuple[int, int]:
    return checkpoint.size, checkpoint.time_s or 0
