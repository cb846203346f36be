"""``ragbastion scan PATH…``: every document of files and folders, with its hidden text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.verdict import merge_verdicts
from .command import ExitCode, complain
from .output import write_json, write_table

if TYPE_CHECKING:
    from ..core.settings import LoadSettings
    from ..core.verdict import Verdict
    from ..ingest.loaders import LoadedDocument, LoadFailure
    from ..ingest.scanner import Scanner


def scan_files(
    scanner: Scanner, paths: Sequence[Path], settings: LoadSettings, *, as_json: bool
) -> ExitCode:
    """Scan and report; a file that cannot be read is reported and the rest go on."""
    from ..ingest.loaders import LoadedDocument, load_paths

    documents: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for loaded in load_paths(paths, settings):
        if isinstance(loaded, LoadedDocument):
            documents.append(_scanned(scanner, loaded))
        else:
            failures.append(_failed(loaded))
    _report(documents, failures, as_json=as_json)
    if failures:
        return ExitCode.FAILURE
    found = any(document["decision"] != "allow" for document in documents)
    return ExitCode.FINDINGS if found else ExitCode.CLEAN


def _scanned(scanner: Scanner, document: LoadedDocument) -> dict[str, Any]:
    started = time.perf_counter()
    visible = scanner.scan(document.text)
    hidden = [(part, scanner.scan_hidden(part.text, part.reason)) for part in document.hidden]
    verdict = merge_verdicts([visible, *(verdict for _, verdict in hidden)])
    return {
        "id": str(document.document),
        "decision": verdict.decision.value,
        "score": round(verdict.score, 6),
        "findings": [finding.as_dict() for finding in visible.findings],
        "hidden": [
            {"reason": part.reason, "where": part.where, **_brief(verdict)}
            for part, verdict in hidden
        ],
        "ms": round((time.perf_counter() - started) * 1000, 3),
    }


def _brief(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict on hidden text; its spans count from the start of that text."""
    return {
        "decision": verdict.decision.value,
        "score": round(verdict.score, 6),
        "findings": [finding.as_dict() for finding in verdict.findings],
    }


def _failed(failure: LoadFailure) -> dict[str, str]:
    return {"path": failure.path, "where": failure.where, "error": str(failure.error)}


def _report(
    documents: list[dict[str, Any]], failures: list[dict[str, str]], *, as_json: bool
) -> None:
    if as_json:
        write_json({"documents": documents, "failures": failures})
    else:
        rows = [row for document in documents for row in _rows(document)]
        clean = sum(document["decision"] == "allow" for document in documents)
        title = f"{len(documents)} documents scanned, {clean} of them clean"
        write_table(title, ("document", "decision", "score", "finding", "where", "evidence"), rows)
    for failure in failures:
        complain(failure["error"])


def _rows(document: dict[str, Any]) -> list[tuple[object, ...]]:
    """Return a row a finding; a document with none, or flagged by its score alone, has one row."""
    head = (document["id"], document["decision"], f"{document['score']:.2f}")
    found: list[tuple[object, ...]] = [
        (*head, finding["kind"], _span(finding["span"]), finding["evidence"])
        for finding in document["findings"]
    ]
    for part in document["hidden"]:
        found += [
            (*head, finding["kind"], f"hidden: {part['where']}", finding["evidence"])
            for finding in part["findings"]
        ]
    if found or document["decision"] == "allow":
        # Several rules may see the same words; a person wants to read them once.
        return list(dict.fromkeys(found))
    return [(*head, "", "", "")]


def _span(span: list[int] | None) -> str:
    return f"characters {span[0]}–{span[1]}" if span else ""
