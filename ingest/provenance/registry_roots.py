"""The registry's trust roots: their envelopes by version, never replaced."""

from __future__ import annotations

import time

from .registry_table import RegistryTable


class RegistryRoots(RegistryTable):
    """Trust roots as they were accepted; who reads them verifies them."""

    def roots(self, *, after: int) -> list[str]:
        """Return the envelopes of the roots later than a version, in order."""
        rows = self._all("SELECT envelope FROM roots WHERE version > ? ORDER BY version", after)
        return [row["envelope"] for row in rows]

    def add_root(self, version: int, envelope: str) -> bool:
        """Keep a root; return False, and change nothing, if its version is there."""
        with self._write() as database:
            done = database.execute(
                "INSERT OR IGNORE INTO roots VALUES (?, ?, ?)", (version, envelope, time.time())
            )
        return bool(done.rowcount)
