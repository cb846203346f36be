"""What an audit of the log found, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_LISTED = 1000
"""How many findings a report lists; ``found`` counts all."""


class Tampering(StrEnum):
    """The ways in which a log, or what it speaks of, can differ from what was logged."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    NODE = "node"
    INDEX = "index"
    CHECKPOINT = "checkpoint"
    ROLLBACK = "rollback"
    CLOCK = "clock"
    FREEZE = "freeze"
    QUORUM = "quorum"
    RECORD = "record"
    LEDGER_BEHIND = "ledger-behind"
    """The ledger was rolled back: it has an older version of a document than the log."""
    LEDGER_AHEAD = "ledger-ahead"
    """The ledger has what was never logged: the log was put back, or the ledger written to."""
    UNFINISHED = "unfinished"
    """A version was signed and never entered: ingest the document again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """One difference; ``index`` is the entry's, or the first of those that it is about."""

    kind: Tampering
    index: int | None
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": self.kind.value, "index": self.index, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """The outcome of an audit: size and root of the log as read, and what does not hold.

    ``pending`` is how many changes of the registry the log does not hold yet.
    """

    origin: str
    size: int
    root: str
    findings: tuple[LogFinding, ...] = ()
    found: int = 0
    pending: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "clean": self.clean,
            "pending": self.pending,
            "found": self.found,
            "findings": [finding.as_dict() for finding in self.findings],
        }


class Findings:
    """Adds up findings; lists the first `MAX_LISTED`."""

    def __init__(self) -> None:
        self.listed: list[LogFinding] = []
        self.count = 0

    def add(self, kind: Tampering, index: int | None, reason: str) -> None:
        """Add one."""
        self.count += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(LogFinding(kind=kind, index=index, reason=reason))
