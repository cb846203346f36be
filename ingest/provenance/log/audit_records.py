"""The registry against the log: what was altered, added or removed there behind the log's back."""

from __future__ import annotations

from collections.abc import Set
from contextlib import closing
from pathlib import Path

from .entries import LogEntry, Scalar, record_digest
from .feed import REGISTRY_FILE, REVOKED_WHAT, logged_changes, registry_journal
from .findings import Findings, Tampering
from .journal import Journal
from .storage import LogStorage

_NEVER = {
    "envelope.changed",
    "envelope.removed",
    "revocation.removed",
    "root.changed",
    "root.removed",
}
"""What no code of ours does; a revocation that is withdrawn says so itself, and stays."""


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
        return _compare_all(journal, logged, storage, findings)


def _compare_all(journal: Journal, logged: int, storage: LogStorage, findings: Findings) -> int:
    pending = journal.pending(logged)
    present: set[str] = set()
    for watched in journal.watched:
        for subject, record in journal.records(watched):
            present.add(subject)
            # Before the first sync, or after an upgrade that changed columns, all of it waits.
            if not logged or watched.table in journal.outdated:
                pending.add(subject)
            elif subject not in pending:
                _compare(subject, record_digest(record), storage, findings)
    nouns = {watched.noun: watched.table for watched in journal.watched}
    met = _audit_history(storage, present | pending, nouns.keys(), findings)
    for noun in met:
        # A table that was never logged may be new, and its journal yet to come.
        if nouns[noun] in journal.silent:
            reason = f"the journal of {nouns[noun]} was switched off"
            findings.add(Tampering.RECORD, None, reason)
    return len(pending)


def _compare(subject: str, digest: str, storage: LogStorage, findings: Findings) -> None:
    at = storage.last_of(subject)
    data = None if at is None else storage.entry(at)
    entry = None if data is None else LogEntry.parse_known(data)
    if entry is None:
        findings.add(Tampering.RECORD, None, f"'{subject}' is kept and is not in the log")
    elif entry.record != digest:
        findings.add(Tampering.RECORD, at, f"'{subject}' is not what entry {at} says")


def _audit_history(
    storage: LogStorage, present: Set[str], nouns: Set[str], findings: Findings
) -> list[str]:
    """Look at each logged change: none may alter an envelope, or take a revocation back.

    Returns those of the nouns that the log tells of.
    """
    met: set[str] = set()
    revoked: dict[str, list[Scalar]] = {}
    gone: dict[str, int] = {}
    for index, _, data in storage.entries():
        entry = LogEntry.parse_known(data)
        noun = entry.kind.partition(".")[0] if entry else ""
        if entry is None or noun not in nouns:
            continue
        met.add(noun)
        subject = entry.subject
        if entry.kind in _NEVER:
            reason = f"'{subject}' was altered: entry {index} is '{entry.kind}'"
            findings.add(Tampering.RECORD, index, reason)
        if noun == "revocation" and entry.record:
            what = [entry.fields.get(name) for name in REVOKED_WHAT]
            if revoked.setdefault(subject, what) != what:
                reason = f"'{subject}' was altered at entry {index}"
                findings.add(Tampering.RECORD, index, reason)
        if entry.record and subject not in present:
            gone[subject] = index
        else:
            gone.pop(subject, None)
    for subject, index in gone.items():
        reason = f"'{subject}' was logged at entry {index} and is no longer kept"
        findings.add(Tampering.RECORD, index, reason)
    return sorted(met)
