"""The log and what feeds it, as those who change the registry hold them."""

from __future__ import annotations

import threading
from pathlib import Path

from ....core.settings_log import LogSettings
from ...ledger import Ledger
from .audit_ledger import LedgerAudit, LedgerDifference
from .documents import Kept, document_subject, removed_document
from .entries import LogEntry
from .feed import ENVELOPES, RegistryFeed, ledger_mark, mark_ledger, registry_journal
from .ledger_check import require_ledger
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

    def sync(self, kept: Kept | None = None) -> int:
        """Append what the log lacks, on disk at return; return how many changes there were.

        ``kept`` names envelopes whose documents the ledger of the state folder answers for.
        Raises `TransparencyError` for a log or a registry that was put back, so that nothing is
        built upon it, and `StoreError`.
        """
        with self._lock:
            return self._open()[1].sync(kept)

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

    def remove_document(
        self, scope: tuple[str, str, str], document: str, changes: int | None = None
    ) -> None:
        """Log that no version of a document is current any more.

        ``changes`` is the number of the ledger's change that says so, if one does.
        """
        self.sync()
        with self._lock, self._open()[0].writing() as write:
            log = self._open()[0]
            entry = removed_document(scope, document, write.time_s(log.newest()), changes)
            write.append([entry.as_bytes()], [entry.subject])
            if changes is not None:
                mark_ledger(log.storage, changes)

    def require_ledger(self, changes: int) -> None:
        """Raise `RollbackError` for a ledger with fewer changes than the log was told of."""
        require_ledger(ledger_mark(self.log().storage), changes)

    def ledger_differences(self, ledger: Ledger) -> tuple[list[LedgerDifference], int]:
        """Return the documents that a ledger and the log differ in, and the log's last change.

        Reads the whole log.
        """
        storage = self.log().storage
        found, changes = LedgerAudit(ledger, storage).run()
        return found, max(changes, ledger_mark(storage))

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
