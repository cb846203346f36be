"""The log and what feeds it, as those who change the registry hold them."""

from __future__ import annotations

import threading
from pathlib import Path

from ....core.settings_log import LogSettings
from .documents import document_subject, removed_document
from .entries import LogEntry
from .feed import ENVELOPES, RegistryFeed, registry_journal
from .opening import open_log
from .transparency_log import TransparencyLog


class LoggedRegistry:
    """Brings the log up to date with the registry of a state folder, whose tables must exist.

    The journal is kept from now on; the log is opened, and made, by the first `sync`. Call `sync`
    after every change of the registry: a change that no one synced is appended by the next that
    does, of any process.
    """

    def __init__(self, state_dir: Path, settings: LogSettings | None = None) -> None:
        self._state_dir = state_dir
        self._settings = settings or LogSettings()
        self._journal = registry_journal(state_dir)
        self._opened: tuple[TransparencyLog, RegistryFeed] | None = None
        self._lock = threading.Lock()

    def sync(self) -> int:
        """Append what the log lacks, on disk at return; return how many changes there were.

        Raises `TransparencyError` for a log or a registry that was put back, so that nothing is
        built upon it, and `StoreError`.
        """
        with self._lock:
            return self._open()[1].sync()

    def log(self) -> TransparencyLog:
        """Return the log, opened; raises as `sync` does."""
        with self._lock:
            return self._open()[0]

    def envelope(self, envelope_id: str) -> str | None:
        """Return an envelope's JSON text as the registry has it, or None."""
        record = self._journal.record(ENVELOPES, (envelope_id,))
        return None if record is None else str(record["envelope"])

    def document(self, scope: tuple[str, str, str], document: str) -> LogEntry | None:
        """Return the newest entry about a document; ``scope`` is (tenant, collection uid, source).

        Its ``record`` is the digest of the version that is current, or "" for one that was removed;
        None if no envelope that lists its documents had it. O(log n).
        """
        storage = self.log().storage
        index = storage.last_of(document_subject(scope, document))
        data = None if index is None else storage.entry(index)
        return None if data is None else LogEntry.parse(data)

    def remove_document(self, scope: tuple[str, str, str], document: str) -> None:
        """Log that no version of a document is current any more."""
        self.sync()
        with self._lock, self._open()[0].writing() as write:
            entry = removed_document(scope, document, write.time_s(self._open()[0].newest()))
            write.append([entry.as_bytes()], [entry.subject])

    def close(self) -> None:
        """Close log and journal."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None
            self._journal.close()

    def _open(self) -> tuple[TransparencyLog, RegistryFeed]:
        if self._opened is None:
            log = open_log(self._state_dir, self._settings)
            self._opened = log, RegistryFeed(self._journal, log)
        return self._opened
