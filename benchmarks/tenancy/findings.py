"""What a run found, and how often what was tried: counted so that runs can be added up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from .calls import Call

KEPT = 40
"""Findings that are kept in full; all are counted."""
EVERY = "all"
"""The column of a method as a whole."""
_CALL_CHARS = 1000


class Kind(StrEnum):
    """How a call gave something away."""

    TEXT = "text"
    """A victim's text is in the answer or in the error."""
    PAYLOAD = "payload"
    """A victim's number is in the answer."""
    VECTOR = "vector"
    """A victim's vector is in the answer, or was rebuilt from scores."""
    DIFFERENCE = "difference"
    """The answer, the error or what was written differs where victims are there."""
    CHANGE = "change"
    """A victim's points were changed, deleted, or another was planted among them."""
    REACH = "reach"
    """A name that must be refused to a tenant was reached."""
    DISAGREEMENT = "disagreement"
    """The sync and the async client answered the same call differently."""
    CRASH = "crash"
    """An error left that its callers were not promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One leak: who, through which method and attack, what was given away, and how to repeat it."""

    subject: str
    method: str
    tags: tuple[str, ...]
    kind: Kind
    detail: str
    call: str
    place: str

    @classmethod
    def of(cls, subject: str, call: Call, kind: Kind, detail: str, *, place: str) -> Finding:
        """Return the finding of a call."""
        return cls(
            subject=subject,
            method=call.method,
            tags=tuple(sorted(call.tags)),
            kind=kind,
            detail=detail,
            call=repr(call.arguments)[:_CALL_CHARS],
            place=place,
        )


Cells = dict[str, dict[str, dict[str, int]]]
"""Counts by method, tag and what came of it."""


@dataclass(slots=True)
class Tally:
    """Calls and findings, added up; ``cells`` counts by method, tag and outcome."""

    calls: int = 0
    cells: Cells = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def count(
        self, method: str, tags: Collection[str], *, raised: bool, kind: Kind | None = None
    ) -> None:
        """Count one call in each of its columns."""
        self.calls += 1
        of_method = self.cells.setdefault(method, {})
        for tag in (EVERY, *tags):
            cell = of_method.setdefault(tag, {})
            for name in ("calls", "raised" if raised else "answered", kind):
                if name is not None:
                    cell[name] = cell.get(name, 0) + 1

    def found(self, finding: Finding) -> None:
        """Keep a finding about a call that was counted without it."""
        for tag in (EVERY, *finding.tags):
            cell = self.cells[finding.method][tag]
            cell[finding.kind] = cell.get(finding.kind, 0) + 1
        self.findings.append(finding)

    def add(self, other: Tally) -> None:
        """Add what another has counted."""
        self.calls += other.calls
        for method, columns in other.cells.items():
            of_method = self.cells.setdefault(method, {})
            for tag, cell in columns.items():
                own = of_method.setdefault(tag, {})
                for name, number in cell.items():
                    own[name] = own.get(name, 0) + number
        self.findings += other.findings[: max(0, KEPT - len(self.findings))]

    @property
    def leaks(self) -> dict[str, int]:
        """How many calls leaked, by method; methods that did not are left out."""
        found = {method: leaked(columns[EVERY]) for method, columns in self.cells.items()}
        return {method: number for method, number in sorted(found.items()) if number}

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "calls": self.calls,
            "cells": self.cells,
            "findings": [asdict(each) for each in self.findings],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Tally:
        """Read what `as_json` made."""
        found = [
            Finding(**{**each, "kind": Kind(each["kind"]), "tags": tuple(each["tags"])})
            for each in given["findings"]
        ]
        return cls(calls=given["calls"], cells=given["cells"], findings=found)


def leaked(cell: Mapping[str, int]) -> int:
    """Return how many calls of a cell leaked."""
    return sum(cell.get(kind, 0) for kind in Kind)
