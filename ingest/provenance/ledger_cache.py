"""What was read of the ledger, kept until the ledger changes.

- INVARIANT: nothing that was read is used after the ledger changed, whichever process changed it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ..ledger import Ledger

_MAX_CACHED = 100_000

K = TypeVar("K")
V = TypeVar("V")


class LedgerCache(Generic[K, V]):
    """Finds by key what ``find`` reads of a ledger, each once while nothing is written."""

    def __init__(self, ledger: Ledger, find: Callable[[K], V]) -> None:
        self._ledger = ledger
        self._find = find
        self._version: tuple[int, int] | None = None
        self._read: dict[K, V] = {}

    def refresh(self) -> bool:
        """Forget what was read if the ledger has changed since, and return whether; about 2 µs."""
        now = self._ledger.version()
        if now != self._version or len(self._read) >= _MAX_CACHED:
            # Anew, not cleared: another thread may be reading the old one.
            self._version, self._read = now, {}
            return True
        return False

    def __call__(self, key: K) -> V:
        """Return what is known of a key since the last `refresh`."""
        read = self._read
        try:
            return read[key]
        except KeyError:
            found = read[key] = self._find(key)
            return found
