"""What feeds the log: each change of the registry, in the order of the commits that made it.

- INVARIANT: the number of the last change that was logged is committed with its entry, so that each
  change is logged once, whatever is killed, and however many processes feed the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....core.errors import RollbackError, TransparencyError
from .documents import Kept, versions_in
from .entries import LogEntry, Scalar, envelope_digest, record_digest
from .journal import FOUND, Change, Journal, Watched
from .storage import LogStorage
from .transparency_log import TransparencyLog

_BATCH = 1000
CURSOR = "journal"
"""The log's name for the number of the last change that it holds."""
LEDGER_MARK = "ledger"
"""The log's name for the number of the last change of the ledger that it was told of."""

REGISTRY_FILE = "provenance.db"
REVOKED_WHAT = ("kind", "tenant", "subject", "since")
"""What a revocation says for good: only its end changes, and whether it was withdrawn."""
ENVELOPES = Watched(
    table="envelopes",
    noun="envelope",
    key=("id",),
    fields=("tenant", "collection_uid", "source", "key_id"),
)
REGISTRY = (
    ENVELOPES,
    Watched(
        table="keys",
        noun="key",
        key=("key_id",),
        fields=("tenant", "name", "valid_from", "valid_until"),
        kinds={"insert": "key.registered"},
    ),
    Watched(
        table="sources",
        noun="source",
        key=("tenant", "source"),
        fields=("tier", "opened_by"),
        kinds={"insert": "source.opened"},
    ),
    Watched(
        table="revocations",
        noun="revocation",
        key=("id",),
        fields=(*REVOKED_WHAT, "until", "withdrawn_at"),
    ),
    Watched(table="roots", noun="root", key=("version",), fields=("accepted_at",)),
)
"""Tables and columns that a registry lacks are left out, so that older and newer ones both fit."""

_KINDS = {"insert": "added", "update": "changed", "delete": "removed", FOUND: "found"}


class RegistryFeed:
    """Appends to a log what a journal of the registry holds."""

    def __init__(self, journal: Journal, log: TransparencyLog) -> None:
        self._journal = journal
        self._log = log

    def logged(self) -> int:
        """Return the number of the last change that the log holds."""
        return logged_changes(self._log.storage)

    def sync(self, kept: Kept | None = None) -> int:
        """Append every change that the log lacks; return how many there were.

        ``kept`` names envelopes whose documents the ledger answers for.
        Raises what `TransparencyLog.append` does, and `RollbackError` for a registry that was put
        back to before its last logged change.
        """
        total, told = 0, set[str]()
        while self._journal.last() != self.logged():
            changes = self._append_some(kept)
            told |= {each.names[0] for each in changes if each.watched is ENVELOPES}
            total += len(changes)
            if len(changes) < _BATCH:
                break
        if kept is not None and kept.envelopes - told:
            self._append_kept(kept, sorted(kept.envelopes - told))
        return total

    def _append_kept(self, kept: Kept, envelopes: Sequence[str]) -> None:
        """Say what the ledger answers for of envelopes that another process logged meanwhile."""
        records = [self._journal.record(ENVELOPES, (each,)) for each in envelopes]
        with self._log.writing() as write:
            time_s = write.time_s(self._log.newest())
            entries = [
                entry
                for record in records
                if record is not None
                for entry in versions_in(record, time_s, kept.changes)
            ]
            write.append([e.as_bytes() for e in entries], [e.subject for e in entries])
            mark_ledger(self._log.storage, kept.changes)

    def _append_some(self, kept: Kept | None) -> list[Change]:
        with self._log.writing() as write:
            # Read again inside the block: another process may have appended meanwhile.
            logged, last = self.logged(), self._journal.last()
            if last < logged:
                raise RollbackError(
                    f"registry refused: it had {logged} changes and has {last}; restore "
                    "'provenance.db' from a backup that is newer than that"
                )
            changes = self._journal.changes(logged, last, _BATCH)
            time_s = write.time_s(self._log.newest())
            news = [change for change in changes if not self._is_known(change)]
            entries = [entry for change in news for entry in entries_of(change, time_s, kept)]
            if entries:
                write.append([e.as_bytes() for e in entries], [e.subject for e in entries])
            done = changes[-1].seq if len(changes) == _BATCH else last
            self._log.storage.put_meta(CURSOR, str(done))
            if kept is not None:
                mark_ledger(self._log.storage, kept.changes)
        return changes

    def _is_known(self, change: Change) -> bool:
        """Return whether a row that was found there is already logged as it is."""
        if change.op != FOUND or change.record is None:
            return False
        index = self._log.storage.last_of(change.watched.subject(change.names))
        data = None if index is None else self._log.storage.entry(index)
        entry = None if data is None else LogEntry.parse_known(data)
        return entry is not None and entry.record == record_digest(change.record)


def registry_journal(state_dir: Path, *, install: bool = True) -> Journal:
    """Return the journal of a state folder's registry, whose tables must exist."""
    return Journal(state_dir / REGISTRY_FILE, REGISTRY, install=install)


def logged_changes(storage: LogStorage) -> int:
    """Return the number of the last change that a log holds; 0 before the first."""
    return _number(storage, CURSOR)


def ledger_mark(storage: LogStorage) -> int:
    """Return the number of the last change of the ledger that a log was told of, 0 for none.

    Quick, and not covered by a checkpoint: an audit counts by the entries.
    """
    return _number(storage, LEDGER_MARK)


def mark_ledger(storage: LogStorage, changes: int) -> None:
    """Keep the number of a change of the ledger, unless a later one was told of."""
    if changes > ledger_mark(storage):
        storage.put_meta(LEDGER_MARK, str(changes))


def _number(storage: LogStorage, name: str) -> int:
    value = storage.meta(name) or "0"
    if not value.isascii() or not value.isdigit():
        raise TransparencyError(
            "log refused: its mark of what is logged was changed; restore the log from a backup"
        )
    return int(value)


def entries_of(change: Change, time_s: int, kept: Kept | None = None) -> list[LogEntry]:
    """Return the entry that tells of a change, and one for each document that it makes current."""
    entries = [_entry_of(change, time_s)]
    if change.watched is ENVELOPES and change.op != "delete" and change.record is not None:
        changes = kept.answers_for(change.record.get("id")) if kept else None
        entries += versions_in(change.record, time_s, changes)
    return entries


def _entry_of(change: Change, time_s: int) -> LogEntry:
    watched, record = change.watched, change.record
    kind = watched.kinds.get(change.op, f"{watched.noun}.{_KINDS[change.op]}")
    subject = watched.subject(change.names)
    if record is None:
        return LogEntry(kind=f"{watched.noun}.removed", subject=subject, time_s=time_s)
    fields: dict[str, Scalar] = {}
    for name in watched.fields:
        value = record.get(name)
        if value is not None and not isinstance(value, bytes):
            fields[name] = value
    if isinstance(envelope := record.get("envelope"), str):
        fields["sha256"] = envelope_digest(envelope)
    return LogEntry(
        kind=kind, subject=subject, time_s=time_s, record=record_digest(record), fields=fields
    )
