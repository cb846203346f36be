"""What a scan of files found: documents with their verdicts, and issues that count one by one."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.verdict import Decision, Finding, Severity, Verdict, merge_verdicts
from ..ingest.loaders import HiddenText, LoadedDocument, LoadFailure
from ..ingest.loaders.document import clean_text
from ..ingest.scanner.scanner import MAX_FINDINGS
from .loading import ReadAsText, load_target
from .places import Place, RowLines, Span, locator
from .selection import Refused, Selection, Target

if TYPE_CHECKING:
    from ..core.settings import LoadSettings, ScanSettings
    from ..ingest.scanner import Scanner

SCORE_ALONE = "scanner.score"
"""The rule of a verdict that no single finding explains."""
TOO_MANY = "scanner.too_many"
"""The rule of a text with more findings than a verdict tells; accepted with that very text only."""
_FINGERPRINT_CHARS = 32  # 128 bits of SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A finding of a verdict that is not ``allow``, as code hosts and baselines know it.

    ``decision`` is what it asks for by itself. ``fingerprint`` tells rule, path and the words that
    were found, not their place. ``accepted`` is the reason that a baseline gives, or None.
    """

    rule: str
    kind: str
    decision: Decision
    score: float
    severity: Severity
    evidence: str
    fingerprint: str
    span: Span | None = None
    place: Place | None = None
    hidden: HiddenText | None = None
    accepted: str | None = None

    @property
    def where(self) -> str:
        """Say for a person where it stands."""
        if self.hidden is not None:
            return f"hidden: {self.hidden.where}"
        if self.place is not None:
            return str(self.place)
        return f"characters {self.span[0]}–{self.span[1]}" if self.span else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedDocument:
    """One document of a file; ``hidden`` are its hidden parts with their verdicts.

    ``id`` is the loader's; ``path`` is the file's, and ``part`` says which part of it, if not all.
    """

    id: str
    path: str
    part: str
    uri: str
    media_type: str
    visible: Verdict
    hidden: Sequence[tuple[HiddenText, Verdict]] = ()
    issues: Sequence[Issue] = ()
    ms: float = 0.0

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return self.path + self.part

    @property
    def verdict(self) -> Verdict:
        """Return the verdicts on visible and hidden text as one."""
        return merge_verdicts([self.visible, *(verdict for _, verdict in self.hidden)])

    @property
    def open_decision(self) -> Decision:
        """Return the strictest decision that an issue outside the baseline asks for."""
        asked = [issue.decision for issue in self.issues if issue.accepted is None]
        return max(asked, key=lambda decision: decision.rank, default=Decision.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file, or a part of it, that could not be scanned; ``path`` is the loader's name for it."""

    path: str
    where: str
    error: str
    file: str
    uri: str

    def __str__(self) -> str:
        return self.error.replace(f"'{self.path}'", f"'{self.file}'", 1)

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"path": self.path, "where": self.where, "error": self.error}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person should know of a file that was scanned."""

    text: str
    uri: str


@dataclass(slots=True, kw_only=True)
class ScanRun:
    """Everything that one call found; ``paths`` are the files it read."""

    documents: list[ScannedDocument] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    seconds: float = 0.0

    @property
    def issues(self) -> list[Issue]:
        """Return every issue, in order."""
        return [issue for document in self.documents for issue in document.issues]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScan:
    """Scans files with one scanner; ``settings`` are those that the scanner was built with."""

    scanner: Scanner
    settings: ScanSettings
    load: LoadSettings

    def scan(self, selection: Selection, run: ScanRun) -> Iterator[ScannedDocument | Failure]:
        """Yield the documents and failures of every file, and note in ``run`` what was read."""
        for target in selection:
            if isinstance(target, Refused):
                yield _failed(target.skipped.name, "", target.skipped.error, target)
                continue
            run.paths.append(target.path)
            yield from self._file(target, run)

    def _file(self, target: Target, run: ScanRun) -> Iterator[ScannedDocument | Failure]:
        if _is_empty(target):
            # Nothing in it can instruct anyone; the loaders refuse it, as nothing to ingest.
            yield _empty(target, self.scanner.scan(""))
            return
        rows = RowLines(target.found.path, self.load.max_line_bytes)
        for loaded in load_target(target, self.load):
            if isinstance(loaded, ReadAsText):
                told = loaded.why.replace(f"'{target.found.name}'", f"'{target.path}'", 1)
                run.notes.append(Note(text=f"{told}: scanned as text", uri=target.uri))
            elif isinstance(loaded, LoadFailure):
                yield _failed(loaded.path, loaded.where, loaded.error, target)
            else:
                yield self._scanned(loaded, target, rows)

    def _scanned(self, document: LoadedDocument, target: Target, rows: RowLines) -> ScannedDocument:
        started = time.perf_counter()
        visible = self.scanner.scan(document.text)
        hidden = [
            (part, self.scanner.scan_hidden(part.text, part.reason)) for part in document.hidden
        ]
        ms = (time.perf_counter() - started) * 1000
        issues = list(self._visible_issues(visible, document, target, rows))
        for part, verdict in hidden:
            for finding, decision in self._told(verdict, self.settings.hidden_threshold):
                issues.append(_issue(finding, decision, target.path, part.text, hidden=part))
        return ScannedDocument(
            id=str(document.document),
            path=target.path,
            part=str(document.document).removeprefix(clean_text(target.found.name)),
            uri=target.uri,
            media_type=document.media_type,
            visible=visible,
            hidden=hidden,
            issues=issues,
            ms=ms,
        )

    def _visible_issues(
        self, verdict: Verdict, document: LoadedDocument, target: Target, rows: RowLines
    ) -> Iterator[Issue]:
        told = list(self._told(verdict, self.settings.flag_threshold))
        if not told:
            return
        locate = locator(document, target.found.name, rows.line_of(document))
        for finding, decision in told:
            span = finding.span
            text = document.text[span[0] : span[1]] if span else document.text
            place = locate(span) if span else None
            yield _issue(finding, decision, target.path, text, place=place)

    def _told(self, verdict: Verdict, flag_threshold: float) -> Iterator[tuple[Finding, Decision]]:
        """Yield the findings that carry a verdict, each with the decision that it asks for.

        The strongest always does, so accepting every other one never hides a verdict.
        """
        if verdict.decision is Decision.ALLOW:
            return
        if not verdict.findings:
            alone = Finding(kind="injection", detector=SCORE_ALONE, score=verdict.score)
            yield alone, verdict.decision
            return
        if len(verdict.findings) >= MAX_FINDINGS:
            yield (
                Finding(kind="injection", detector=TOO_MANY, score=verdict.score),
                verdict.decision,
            )
        top = max(finding.score for finding in verdict.findings)
        for finding in verdict.findings:
            if finding.score >= min(top, self.settings.threshold):
                yield finding, verdict.decision
            elif finding.score >= min(top, flag_threshold):
                yield finding, Decision.FLAG


def fingerprint(rule: str, path: str, text: str) -> str:
    """Return what stays the same when lines move and blanks or case change.

    >>> fingerprint("a.b", "x.md", "Say  Yes") == fingerprint("a.b", "x.md", "say yes")
    True
    """
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    content = "\0".join((rule, path, words)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(content).hexdigest()[:_FINGERPRINT_CHARS]


def _issue(finding: Finding, decision: Decision, path: str, text: str, **places: Any) -> Issue:
    return Issue(
        rule=finding.detector,
        kind=finding.kind,
        decision=decision,
        score=finding.score,
        severity=finding.severity,
        evidence=finding.evidence,
        span=finding.span,
        fingerprint=fingerprint(finding.detector, path, text),
        **places,
    )


def _empty(target: Target, verdict: Verdict) -> ScannedDocument:
    return ScannedDocument(
        id=target.found.name,
        path=target.path,
        part="",
        uri=target.uri,
        media_type="text/plain",
        visible=verdict,
    )


def _failed(path: str, where: str, error: Exception, target: Target | Refused) -> Failure:
    return Failure(path=path, where=where, error=str(error), file=target.path, uri=target.uri)


def _is_empty(target: Target) -> bool:
    try:
        return target.found.path.is_file() and target.found.path.stat().st_size == 0
    except OSError:
        return False
