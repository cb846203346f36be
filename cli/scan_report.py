"""What ``ragbastion scan PATH…`` writes: a table, JSON, JSON Lines or SARIF."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from ..core.verdict import Decision, Verdict
from .issues import Issue
from .output import write_table
from .scanned import ScannedDocument, ScanRun


def document_fields(document: ScannedDocument, *, judged: bool) -> dict[str, Any]:
    """Return the JSON form of a document; ``judged`` adds what a baseline says of it."""
    verdict = document.verdict
    fields: dict[str, Any] = {
        "id": document.id,
        "decision": verdict.decision.value,
        "score": round(verdict.score, 6),
        "findings": [finding.as_dict() for finding in document.visible.findings],
        "hidden": [
            {"reason": part.reason, "where": part.where, **_brief(verdict)}
            for part, verdict in document.hidden
        ],
        "ms": round(document.ms, 3),
    }
    if judged:
        fields["open_decision"] = document.open_decision.value
        fields["accepted"] = [
            {"rule": issue.rule, "fingerprint": issue.fingerprint, "reason": issue.accepted}
            for issue in document.issues
            if issue.accepted is not None
        ]
    return fields


def _brief(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict on hidden text; its spans count from the start of that text."""
    return {
        "decision": verdict.decision.value,
        "score": round(verdict.score, 6),
        "findings": [finding.as_dict() for finding in verdict.findings],
    }


def write_findings(run: ScanRun) -> None:
    """Write the table for a person."""
    rows = [row for document in run.documents for row in _rows(document)]
    clean = sum(document.verdict.decision is Decision.ALLOW for document in run.documents)
    title = f"{len(run.documents)} documents scanned, {clean} of them clean"
    write_table(title, ("document", "decision", "score", "finding", "where", "evidence"), rows)


def _rows(document: ScannedDocument) -> list[tuple[object, ...]]:
    """Return a row for the same words in the same place, with every rule that saw them."""
    rules: dict[tuple[str, str, str, str], list[str]] = {}
    for issue in document.issues:
        seen = (_decision(issue), f"{issue.score:.2f}", issue.where, issue.evidence)
        rules.setdefault(seen, []).append(issue.rule)
    return [
        (document.label, decision, score, "\n".join(dict.fromkeys(names)), where, evidence)
        for (decision, score, where, evidence), names in rules.items()
    ]


def _decision(issue: Issue) -> str:
    return issue.decision.value if issue.accepted is None else f"accepted ({issue.decision})"


def summary(run: ScanRun) -> str:
    """Return one line on what was done."""
    issues = run.issues
    accepted = sum(issue.accepted is not None for issue in issues)
    beside = f" and {accepted} accepted" if accepted else ""
    parts = [
        _number(len(run.paths), "file"),
        _number(len(run.documents), "document"),
        _number(len(issues) - accepted, "finding") + beside,
        *([_number(len(run.failures), "failure")] if run.failures else []),
    ]
    return f"{', '.join(parts)}; {run.seconds:.2f} s"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


@contextlib.contextmanager
def destination(path: Path | None) -> Iterator[None]:
    """Send stdout to a file, which appears whole or, if the body raises, stays as it was."""
    if path is None:
        yield
        return
    if path.is_symlink() or (path.exists() and not path.is_file()):
        # A device or a pipe takes what comes, and a link (/dev/stdout) must stay one.
        with path.open("wb") as raw, _as_stdout(raw):
            yield
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as raw, _as_stdout(raw):
            yield
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def check_destination(path: Path | None) -> None:
    """Raise `UsageError` before anything is done if a file cannot be written there."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder: name a file to write")
    if not path.parent.is_dir():
        raise UsageError(f"'{path.parent}' is no folder: make it, or name another file")


@contextlib.contextmanager
def _as_stdout(raw: Any) -> Iterator[None]:
    text = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="\n")
    with contextlib.redirect_stdout(text):
        yield
    text.flush()
    text.detach()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
