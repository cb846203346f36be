"""The stored nodes against each other: each must be the hash of the two below it."""

from __future__ import annotations

from ..merkle import HASH_BYTES
from .findings import Findings, Tampering
from .hash_columns import HashColumn
from .storage import LogStorage


def read_nodes(storage: LogStorage, findings: Findings) -> HashColumn:
    """Return the stored leaf hashes; note each inner node that is changed, missing or too many."""
    levels: list[HashColumn] = [HashColumn()]
    for (level, index), value in storage.all_nodes():
        levels += [HashColumn() for _ in range(level + 1 - len(levels))]
        if not levels[level].put(index, value):
            _note(findings, level, index, "stands far beyond the end, or is no hash")
    for level, (below, column) in enumerate(zip(levels, [*levels[1:], HashColumn()], strict=True)):
        _compare(below, column, level + 1, findings)
    return levels[0]


def _compare(below: HashColumn, column: HashColumn, level: int, findings: Findings) -> None:
    wanted = below.parents()
    if bytes(column.data) == wanted and not column.missing and not below.missing:
        return
    for index in range(max(len(column), len(wanted) // HASH_BYTES)):
        known = not {2 * index, 2 * index + 1} & below.missing and 2 * index + 1 < len(below)
        stored = column.get(index)
        if stored is None:
            if known:
                _note(findings, level, index, "is missing")
        elif not known or stored != wanted[HASH_BYTES * index : HASH_BYTES * (index + 1)]:
            _note(findings, level, index, "does not fit the two below it")


def _note(findings: Findings, level: int, index: int, what: str) -> None:
    first, last = index << level, ((index + 1) << level) - 1
    reason = f"node {index} of level {level}, over entries {first} to {last}, {what}"
    findings.add(Tampering.NODE, first, reason)
