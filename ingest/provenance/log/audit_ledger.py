"""The ledger against the log: for which documents it says another version than was logged last.

A ledger that was put back knows older versions, and lets them pass at retrieval. The log's entries
that carry the number of a change are those that the ledger answers for; what was signed past it,
imported, or never got beyond its signature is not compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ...ledger import LEDGER_FILE, Ledger, LedgerKey
from ...ledger_notes import RETIRED, Standing
from .documents import LEDGER_FIELD, REMOVED, VERSION, document_subject, names_in
from .entries import LogEntry
from .feed import ledger_mark
from .findings import Findings, LogFinding, Tampering
from .ledger_check import rollback_reason
from .storage import LogStorage

UNFINISHED_AFTER_S = 3600.0
"""A batch takes minutes: what was intended longer ago was killed, or is of a copy of the ledger."""

_TRIES = 3
_RESTORED = "restored"
"""The pipeline of what was brought back from hiding; of version 1, no log knows its document."""


@dataclass(slots=True)
class _Said:
    """What the log says of a document: its newest entry, and its newest that the ledger made."""

    index: int = -1
    digest: str = ""
    kept_index: int = -1
    kept: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDifference:
    """A document about which ledger and log differ."""

    key: LedgerKey
    finding: LogFinding


@dataclass(slots=True)
class _Scan:
    """The log's entries about documents, of a collection and a tenant or of all, as far as read."""

    storage: LogStorage
    collection: str | None
    tenant: str | None
    said: dict[LedgerKey, _Said] = field(default_factory=dict)
    size: int = 0
    changes: int = 0
    since_s: float | None = None

    def go_on(self) -> None:
        """Read what was appended since."""
        for index, key, entry in self._entries(self.size):
            said = self.said.setdefault(key, _Said())
            said.index, said.digest = index, entry.record
            change = entry.fields.get(LEDGER_FIELD)
            if isinstance(change, int):
                said.kept_index, said.kept = index, entry.record
                self.changes = max(self.changes, change)
                self.since_s = entry.time_s if self.since_s is None else self.since_s

    def history(self, wanted: Set[LedgerKey]) -> dict[LedgerKey, dict[str, int]]:
        """Return, of some documents, each version that was ever logged with its last entry."""
        found: dict[LedgerKey, dict[str, int]] = {key: {} for key in wanted}
        for index, key, entry in self._entries(0):
            if key in found:
                found[key][entry.record] = index
        return found

    def _entries(self, start: int) -> Iterator[tuple[int, LedgerKey, LogEntry]]:
        for index, subject, data in self.storage.entries(start):
            self.size = max(self.size, index + 1)
            names = names_in(subject)
            if names is None or not self._is_wanted(names):
                continue
            entry = LogEntry.parse_known(data)
            if entry is not None and entry.kind in (VERSION, REMOVED):
                yield index, LedgerKey.of(names), entry

    def _is_wanted(self, names: tuple[str, str, str, str]) -> bool:
        return (self.collection is None or names[0] == self.collection) and (
            self.tenant is None or names[1] == self.tenant
        )


class LedgerAudit:
    """Compares a ledger with a log; holds about 500 bytes a document while it runs."""

    def __init__(self, ledger: Ledger, storage: LogStorage, now_s: float | None = None) -> None:
        self._ledger = ledger
        self._storage = storage
        self._now_s = now_s

    def rollback(self, changes: int = 0) -> str:
        """Return what is wrong with a ledger that has fewer changes than were logged, or "".

        ``changes`` is the largest number that an entry names, where entries were read.
        """
        mark = max(ledger_mark(self._storage), changes)
        held = self._ledger.changes()
        return rollback_reason(mark, held) if held < mark else ""

    def run(
        self, collection: str | None = None, tenant: str | None = None
    ) -> tuple[list[LedgerDifference], int]:
        """Return the documents that differ, by name, and the largest change that the log names.

        ``collection`` (its uid) and ``tenant`` leave out the others. May run beside an ingestion:
        what differs is looked at again.
        """
        scan = _Scan(self._storage, collection, tenant)
        scan.go_on()
        kept = (key for key in self._ledger.keys(collection) if tenant in (None, key.tenant))
        differing = self._differing({*scan.said, *kept}, scan)
        for _ in range(_TRIES):
            if not differing:
                break
            scan.go_on()
            differing = self._differing(differing, scan)
        return self._named(differing, scan), scan.changes

    def _differing(self, keys: Iterable[LedgerKey], scan: _Scan) -> set[LedgerKey]:
        return {key for key in keys if self._differs(self._ledger.standing(key), key, scan)}

    def _differs(self, held: Standing, key: LedgerKey, scan: _Scan) -> bool:
        said = scan.said.get(key)
        if said is None or said.kept is None:
            return self._is_unheard_of(held, said, scan)
        if held.digest == said.kept:
            return False
        if held.noted != said.kept:
            return True
        return held.why != RETIRED and self._is_overdue(held)

    def _is_unheard_of(self, held: Standing, said: _Said | None, scan: _Scan) -> bool:
        """Whether the ledger has a version that it entered since it tells the log, unlogged."""
        if not held.digest or scan.since_s is None or held.pipeline == _RESTORED:
            return False
        # A second of leeway: entries of the log are dated in whole ones.
        return held.at > scan.since_s + 1 and (said is None or said.digest != held.digest)

    def _is_overdue(self, held: Standing) -> bool:
        now = time.time() if self._now_s is None else self._now_s
        return now - held.noted_at > UNFINISHED_AFTER_S

    def _named(self, keys: set[LedgerKey], scan: _Scan) -> list[LedgerDifference]:
        logged = scan.history(keys) if keys else {}
        found = [
            LedgerDifference(
                key=key,
                finding=_finding(key, self._ledger.standing(key), scan.said.get(key), logged[key]),
            )
            for key in keys
        ]
        return sorted(found, key=lambda each: each.key.as_tuple())


def _finding(
    key: LedgerKey, held: Standing, said: _Said | None, logged: dict[str, int]
) -> LogFinding:
    name = document_subject((key.tenant, key.collection, key.source), key.document)
    if said is None or said.kept is None or (held.digest is not None and held.digest not in logged):
        what = "a withdrawal" if held.digest == "" else "a version"
        reason = f"the ledger is ahead of the log: it has {what} of '{name}' that was never logged"
        return LogFinding(kind=Tampering.LEDGER_AHEAD, index=None, reason=reason)
    at = said.kept_index
    what = "was withdrawn" if said.kept == "" else "got its current version"
    if held.noted == said.kept:
        reason = f"'{name}' {what} by entry {at} and the ledger never finished it: ingest it again"
        return LogFinding(kind=Tampering.UNFINISHED, index=at, reason=reason)
    older = "no version" if held.digest is None else f"that of entry {logged[held.digest]}"
    reason = f"the ledger was rolled back: '{name}' {what} by entry {at}, and it has {older}"
    return LogFinding(kind=Tampering.LEDGER_BEHIND, index=at, reason=reason)


def audit_ledger(state_dir: Path, storage: LogStorage, findings: Findings) -> None:
    """Add what differs between the ledger of a state folder and a log, for all documents."""
    path, mark = state_dir / LEDGER_FILE, ledger_mark(storage)
    if not path.exists():
        if mark:
            findings.add(Tampering.ROLLBACK, None, f"the ledger '{path.name}' is gone")
        return
    with closing(Ledger(path)) as ledger:
        audit = LedgerAudit(ledger, storage)
        differences, changes = audit.run()
        if reason := audit.rollback(changes):
            findings.add(Tampering.ROLLBACK, None, reason)
        if changes > mark:
            reason = f"the log's mark of the ledger says {mark} changes, and an entry {changes}"
            findings.add(Tampering.RECORD, None, reason)
        for each in differences:
            findings.add(each.finding.kind, each.finding.index, each.finding.reason)
