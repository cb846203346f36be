"""The registry against the log: what was altered, added or removed there behind the log's back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from .entries import LogEntry, record_digest
from .feed import REGISTRY_FILE, logged_changes, registry_journal
from .findings import Findings, Tampering
from .journal import Journal
from .storage import LogStorage


def audit_records(state_dir: Path, storage: LogStorage, findings: Findings) -> int:
    """Compare every record with the newest entry about it; return how many wait to be logged.

    Costs one indexed read a record, and holds the name of each.
    """
    logged = logged_changes(storage)
    path = state_dir / REGISTRY_FILE
    if not path.exists():
        if logged:
            findings.add(Tampering.ROLLBACK, None, f"the registry '{path.name}' is gone")
        return 0
    with closing(registry_journal(state_dir, install=False)) as journal:
        if journal.last() < logged:
            reason = f"the registry had {logged} changes and has {journal.last()}: it was put back"
            findings.add(Tampering.ROLLBACK, None, reason)
        if logged and journal.silent:
            reason = f"the journal of {', '.join(journal.silent)} was switched off"
            findings.add(Tampering.RECORD, None, reason)
        return _compare_all(journal, logged, storage, findings)


def _compare_all(journal: Journal, logged: int, storage: LogStorage, findings: Findings) -> int:
    pending = journal.pending(logged)
    present: set[str] = set()
    for watched in journal.watched:
        for subject, record in journal.records(watched):
            present.add(subject)
            # Before the first sync of an older version's registry, all of it waits.
            if logged and subject not in pending:
                _compare(subject, record_digest(record), storage, findings)
    _audit_history(storage, present | pending, findings)
    return len(pending) if logged else len(present)


def _compare(subject: str, digest: str, storage: LogStorage, findings: Findings) -> None:
    at = storage.last_of(subject)
    data = None if at is None else storage.entry(at)
    entry = None if data is None else LogEntry.parse_known(data)
    if entry is None:
        findings.add(Tampering.RECORD, None, f"'{subject}' is kept and is not in the log")
    elif entry.record != digest:
        findings.add(Tampering.RECORD, at, f"'{subject}' is not what entry {at} says")


def _audit_history(storage: LogStorage, present: set[str], findings: Findings) -> None:
    """Look at each logged change: none may alter an envelope, or take a revocation back."""
    revoked: set[str] = set()
    gone: dict[str, int] = {}
    for index, _, data in storage.entries():
        entry = LogEntry.parse_known(data)
        if entry is None:
            continue
        subject = entry.subject
        if entry.kind in ("envelope.changed", "envelope.removed"):
            reason = f"'{subject}' was altered: entry {index} is '{entry.kind}'"
            findings.add(Tampering.RECORD, index, reason)
        if entry.kind.endswith(".revoked"):
            revoked.add(subject)
        elif subject in revoked:
            reason = f"the revocation of '{subject}' was taken back at entry {index}"
            findings.add(Tampering.RECORD, index, reason)
        if entry.record and subject not in present:
            gone[subject] = index
        else:
            gone.pop(subject, None)
    for subject, index in gone.items():
        reason = f"'{subject}' was logged at entry {index} and is no longer kept"
        findings.add(Tampering.RECORD, index, reason)
