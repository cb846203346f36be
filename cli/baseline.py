"""Baselines: findings that a person has accepted, by digest and never by their text.

- INVARIANT: an entry accepts a rule's finding of the same words in the same file, so many times as
  it says; another rule, file or wording, or one time more, is not accepted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core.errors import UsageError
from .issues import Issue
from .output import json_text
from .scanned import ScannedDocument, ScanRun

_MAX_BYTES = 50_000_000
Key = tuple[str, str, str]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Entry(_Model):
    """An accepted finding; ``reason`` is for a person to fill."""

    path: str = Field(min_length=1)
    rule: str = Field(min_length=1)
    fingerprint: str = Field(pattern=r"^[0-9a-f]{32}$")
    count: int = Field(default=1, ge=1)
    reason: str = ""

    @property
    def key(self) -> Key:
        """Return what an issue must have in common with it."""
        return self.path, self.rule, self.fingerprint


class _File(_Model):
    format: Literal["ragbastion-baseline"]
    version: Literal[1]
    findings: list[Entry]


class Baseline:
    """The entries of a file, and how often each was met in this run."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries = {entry.key: entry for entry in entries}
        self._met: Counter[Key] = Counter()

    def judge(self, document: ScannedDocument) -> ScannedDocument:
        """Return the document with its accepted issues marked."""
        if not self.entries or not document.issues:
            return document
        issues = [self._judged(issue, document.path) for issue in document.issues]
        return replace(document, issues=issues)

    def _judged(self, issue: Issue, path: str) -> Issue:
        entry = self.entries.get((path, issue.rule, issue.fingerprint))
        if entry is None:
            return issue
        self._met[entry.key] += 1
        return (
            issue if self._met[entry.key] > entry.count else replace(issue, accepted=entry.reason)
        )

    def stale(self, run: ScanRun, root: Path) -> list[Entry]:
        """Return entries that match nothing any more, in files that were read or are gone."""
        read = set(run.paths)
        return [
            entry
            for entry in self.entries.values()
            if not self._met[entry.key]
            and (entry.path in read or not os.path.lexists(root / entry.path))
        ]


def read_baseline(path: Path | None) -> Baseline:
    """Read a baseline; raise `UsageError` that names the file and every problem."""
    if path is None:
        return Baseline()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"baseline '{path}' refused: longer than {_MAX_BYTES} bytes")
        read = _File.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"baseline '{path}' cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"baseline '{path}' refused: {_problems(error)}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"baseline '{path}' refused: not JSON; write it anew") from None
    entries = read.findings
    twice = [key for key, count in Counter(entry.key for entry in entries).items() if count > 1]
    if twice:
        raise UsageError(f"baseline '{path}' refused: {twice[0][2]} is listed twice")
    return Baseline(entries)


def baseline_text(run: ScanRun, old: Baseline) -> str:
    """Return the file that accepts every issue of the run.

    Reasons of the old baseline are kept, and its entries of files that this run did not read.
    """
    read = set(run.paths)
    found: Counter[Key] = Counter(
        (document.path, issue.rule, issue.fingerprint)
        for document in run.documents
        for issue in document.issues
    )
    entries = [entry for entry in old.entries.values() if entry.path not in read]
    for (path, rule, fingerprint), count in found.items():
        known = old.entries.get((path, rule, fingerprint))
        entries.append(
            Entry(
                path=path,
                rule=rule,
                fingerprint=fingerprint,
                count=count,
                reason=known.reason if known else "",
            )
        )
    return _text(entries)


def _text(entries: Iterable[Entry]) -> str:
    findings = [entry.model_dump() for entry in sorted(entries, key=lambda entry: entry.key)]
    content = {"format": "ragbastion-baseline", "version": 1, "findings": findings}
    return json_text(content, indent=2)


def _problems(error: ValidationError) -> str:
    told = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    more = f"; and {len(told) - 5} more" if len(told) > 5 else ""
    return "; ".join(told[:5]) + more
