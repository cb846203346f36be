"""One process holds an embedded store: an advisory lock that the kernel drops when it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..core.errors import StoreError, StoreLockedError

LOCK_NAME = ".lock"


class StoreLock:
    """Holds ``folder/.lock`` until `release`, or until the process ends, however it ends.

    Raises `StoreLockedError` naming the process that holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        try:
            self._descriptor: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"store '{folder}' cannot be opened: {error.strerror}") from error
        try:
            # flock, not lockf: a second store of the same process must be refused as well.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self.release()
            raise StoreLockedError(
                f"store '{folder}' is held by {holder}: stop it, call it through "
                "'ragbastion serve', or use a Qdrant server to share a store between processes"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Drop the lock; twice is allowed. The file stays, so that no two files can be locked."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _holder(self) -> str:
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        if text == str(os.getpid()):
            return f"this process (pid {text}), through another store object"
        return f"process {text}" if text.isdigit() else "another process"
