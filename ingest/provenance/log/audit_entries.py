"""Entries against the leaf hashes that were stored with them: what was changed, and where.

INVARIANT: an entry is read as it stands, and its hash made anew; nothing stored is believed but to
say where a difference is.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..merkle import leaf_hash
from .entries import LogEntry
from .findings import Findings, Tampering
from .hash_columns import HashColumn
from .storage import LogStorage

Hashes = Sequence[bytes | None]


def read_entries(storage: LogStorage, findings: Findings) -> HashColumn:
    """Return the leaf hash of every entry; note subjects and times that do not fit."""
    leaves = HashColumn()
    before_s = 0
    for index, subject, data in storage.entries():
        if not leaves.put(index, leaf_hash(data)):
            reason = f"entry {index} stands far beyond the end of the log"
            findings.add(Tampering.INSERTED, index, reason)
        entry = LogEntry.parse_known(data)
        if entry is None:
            continue
        if entry.subject != subject:
            reason = f"entry {index} is filed under another subject than its own"
            findings.add(Tampering.INDEX, index, reason)
        if entry.time_s < before_s:
            reason = f"entry {index} is dated before the one before it"
            findings.add(Tampering.CLOCK, index, reason)
        before_s = entry.time_s
    return leaves


def compare(entries: HashColumn, leaves: HashColumn, size: int, findings: Findings) -> None:
    """Name what was done to the entries, by the stored leaves; ``size`` is the checkpoint's."""
    whole = not entries.missing and not leaves.missing
    if len(entries) == size and whole and entries.data == leaves.data:
        return
    length = max(len(entries), len(leaves))
    own, stored = entries.listed(0, length), leaves.listed(0, length)
    first = next((at for at in range(length) if own[at] != stored[at]), length)
    if not _shifted(own[first : len(entries)], stored[first : len(leaves)], first, findings):
        _one_by_one(own[: len(entries)], stored, first, findings)
    if len(entries) < size:
        reason = f"the log ends before entry {len(entries)}; its checkpoint is over {size}"
        findings.add(Tampering.TRUNCATED, len(entries), reason)
    elif len(entries) > size:
        reason = f"entries {size} to {len(entries) - 1} are beyond the newest checkpoint"
        findings.add(Tampering.INSERTED, size, reason)


def _shifted(own: Hashes, stored: Hashes, at: int, findings: Findings) -> bool:
    """Say whether all entries from ``at`` on moved by one, and name the one that moved them."""
    if len(own) > 1 and own[1:] == stored[: len(own) - 1] and len(own) > len(stored):
        reason = f"entry {at} was inserted; those after it moved up by one"
        findings.add(Tampering.INSERTED, at, reason)
        return True
    if len(own) > 0 and own == stored[1:]:
        reason = f"entry {at} was removed; those after it moved down by one"
        findings.add(Tampering.REMOVED, at, reason)
        return True
    return False


def _one_by_one(own: Hashes, stored: Hashes, start: int, findings: Findings) -> None:
    places = {leaf: at for at, leaf in enumerate(stored) if leaf is not None}
    for at in range(start, len(own)):
        mine, logged = own[at], stored[at]
        if mine == logged:
            continue
        if mine is None:
            findings.add(Tampering.REMOVED, at, f"entry {at} was removed")
        elif logged is None:
            findings.add(Tampering.NODE, at, f"the leaf hash of entry {at} was removed")
        elif mine in places:
            reason = f"entry {at} was reordered: it is the one that was logged at {places[mine]}"
            findings.add(Tampering.REORDERED, at, reason)
        else:
            findings.add(Tampering.CHANGED, at, f"entry {at} was changed after it was logged")
