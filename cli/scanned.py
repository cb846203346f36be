"""What a scan of files found: documents with their verdicts, and issues that count one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.errors import LoadError, MissingExtraError, RagbastionError, UsageError
from ..core.verdict import Decision, Verdict, merge_verdicts
from ..ingest.loaders import HiddenText, LoadedDocument, LoadFailure
from ..ingest.loaders.document import clean_text
from .issues import Issue, Limits, make_issue, telling
from .loading import ReadAsText, load_target
from .places import RowLines, locator
from .selection import Refused, Selection, Target

if TYPE_CHECKING:
    from ..core.settings import LoadSettings
    from ..ingest.scanner import Scanner


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
    """Scans files with one scanner, which decides at ``limits``, and at others in hidden text."""

    scanner: Scanner
    limits: Limits
    hidden_limits: Limits
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
                yield self._judged(loaded, target, rows)

    def _judged(
        self, document: LoadedDocument, target: Target, rows: RowLines
    ) -> ScannedDocument | Failure:
        """Return the scanned document; if a detector fails, it alone is a failure."""
        try:
            return self._scanned(document, target, rows)
        except (UsageError, MissingExtraError):
            raise
        except RagbastionError as error:
            name = str(document.document)
            return _failed(name, "", LoadError(f"'{name}' was not judged: {error}"), target)

    def _scanned(self, document: LoadedDocument, target: Target, rows: RowLines) -> ScannedDocument:
        started = time.perf_counter()
        visible = self.scanner.scan(document.text)
        hidden = [
            (part, self.scanner.scan_hidden(part.text, part.reason)) for part in document.hidden
        ]
        ms = (time.perf_counter() - started) * 1000
        issues = list(self._visible_issues(visible, document, target, rows))
        for part, verdict in hidden:
            issues += [
                make_issue(finding, decision, target.path, part.text, hidden=part)
                for finding, decision in telling(verdict, self.hidden_limits)
            ]
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
        told = list(telling(verdict, self.limits))
        if not told:
            return
        locate = locator(document, target.found.name, rows.line_of(document))
        for finding, decision in told:
            span = finding.span
            text = document.text[span[0] : span[1]] if span else document.text
            place = locate(span) if span else None
            yield make_issue(finding, decision, target.path, text, place=place)


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
