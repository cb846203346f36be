"""A scan as SARIF 2.1.0 (OASIS), so that code hosts show its findings in the lines of files.

A region is given only where it is the file's own; text that was extracted from a page, a mail or a
table has the file as its place, and the span in the extracted text as a property.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..core.verdict import Decision
from ..ingest.scanner.rules import Rule
from .baseline import Entry
from .command import ExitCode
from .issues import Issue
from .places import Place
from .sarif_rules import descriptors, taxonomies
from .scanned import ScannedDocument, ScanRun

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "%SRCROOT%"
# In a message "[text](target)" is a link and "{0}" a placeholder (SARIF 3.11.5 and 3.11.6).
_MARKUP = re.compile(r"[\\\[\]{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifRun:
    """What stands beside the findings: the rules, what is stale, and how the call ends."""

    rules: Mapping[str, Rule]
    stale: Sequence[Entry]
    code: ExitCode


def sarif(run: ScanRun, facts: SarifRun) -> dict[str, Any]:
    """Return the log of one run."""
    rules = descriptors(run.issues, facts.rules)
    taxa = taxonomies(rules)
    driver = {
        "name": "ragbastion",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": rules,
        "supportedTaxonomies": [
            {"name": taxonomy["name"], "index": index} for index, taxonomy in enumerate(taxa)
        ],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "taxonomies": taxa,
                "invocations": [_invocation(run, facts)],
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "The root of the scan (option --root)."}}
                },
                "columnKind": "unicodeCodePoints",
                "newlineSequences": ["\r\n", "\n", "\r"],
                "results": list(_results(run.documents, rules)),
                "properties": {
                    "files": len(run.paths),
                    "documents": len(run.documents),
                    "detectors": _detectors(run.documents),
                },
            }
        ],
    }


def _results(
    documents: Iterable[ScannedDocument], rules: Sequence[Mapping[str, Any]]
) -> Iterable[dict[str, Any]]:
    index = {rule["id"]: at for at, rule in enumerate(rules)}
    said = {rule["id"]: rule["shortDescription"]["text"] for rule in rules}
    met: Counter[str] = Counter()
    for document in documents:
        for issue in document.issues:
            met[issue.fingerprint] += 1
            # The same words twice in one file are two findings, and are told apart by order.
            mark = f"{issue.fingerprint}:{met[issue.fingerprint]}"
            result = {
                "ruleId": issue.rule,
                "ruleIndex": index[issue.rule],
                "level": "error" if issue.decision >= Decision.QUARANTINE else "warning",
                "message": {"text": _message(issue, document, said[issue.rule])},
                "locations": [_location(issue, document)],
                # GitHub knows a finding again by the second, whatever else is there.
                "partialFingerprints": {
                    "ragbastionFinding/v1": mark,
                    "primaryLocationLineHash": mark,
                },
                "rank": round(100 * issue.score, 1),
                "properties": _properties(issue, document),
            }
            if issue.accepted is not None:
                result["suppressions"] = [_suppression(issue.accepted)]
            yield result


def _message(issue: Issue, document: ScannedDocument, description: str) -> str:
    text = description
    if issue.evidence:
        text += f" Found: “{_plain(issue.evidence)}”."
    if issue.hidden is not None:
        text += f" It is hidden ({issue.hidden.reason}) at {_plain(issue.hidden.where)}."
    elif issue.place is None and issue.span is not None:
        text += (
            f" It stands in characters {issue.span[0]} to {issue.span[1]} of the text extracted "
            f"from {document.media_type}, not at a known line of the file."
        )
    return text


def _plain(text: str) -> str:
    """Return untrusted text so that a viewer of SARIF makes no link or placeholder of it."""
    return _MARKUP.sub(lambda sign: sign[0] * 2 if sign[0] in "{}" else "\\" + sign[0], text)


def _location(issue: Issue, document: ScannedDocument) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(document.uri)}
    if issue.place is not None:
        physical["region"] = _region(issue.place, issue.evidence)
        return {"physicalLocation": physical}
    where = f"{document.id}: {issue.hidden.where}" if issue.hidden else document.id
    logical = {"name": document.id, "fullyQualifiedName": where}
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _artifact(uri: str) -> dict[str, str]:
    return {"uri": uri} if uri.startswith("file://") else {"uri": uri, "uriBaseId": _BASE}


def _region(place: Place, evidence: str) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.start_line, "endLine": place.end_line}
    if place.start_column is not None:
        region["startColumn"] = place.start_column
        region["endColumn"] = place.end_column
        region["charOffset"] = place.offset
        region["charLength"] = place.length
    if evidence:
        region["snippet"] = {"text": evidence}
    return region


def _properties(issue: Issue, document: ScannedDocument) -> dict[str, Any]:
    told: dict[str, Any] = {
        "decision": issue.decision.value,
        "document": document.id,
        "kind": issue.kind,
        "mediaType": document.media_type,
        "score": round(issue.score, 6),
        "severity": issue.severity.value,
    }
    if issue.span is not None:
        told["spanInExtractedText"] = list(issue.span)
    if issue.hidden is not None:
        told["hidden"] = {"reason": issue.hidden.reason, "where": issue.hidden.where}
    return told


def _suppression(reason: str) -> dict[str, str]:
    told = {"kind": "external", "status": "accepted"}
    return {**told, "justification": reason} if reason else told


def _invocation(run: ScanRun, facts: SarifRun) -> dict[str, Any]:
    return {
        "executionSuccessful": not run.failures,
        "exitCode": int(facts.code),
        "startTimeUtc": _utc(run.started),
        "endTimeUtc": _utc(run.started + run.seconds),
        "toolExecutionNotifications": [
            *(_notice("error", failure.error, failure.uri) for failure in run.failures),
            *(_notice("note", note.text, note.uri) for note in run.notes),
        ],
        "toolConfigurationNotifications": [_stale(entry) for entry in facts.stale],
    }


def _detectors(documents: Iterable[ScannedDocument]) -> list[str]:
    """Return every detector that ran, with its version, so that a missing one shows."""
    return list(dict.fromkeys(name for document in documents for name in document.visible.ran))


def _notice(level: str, text: str, uri: str) -> dict[str, Any]:
    return {
        "level": level,
        "message": {"text": _plain(text)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(uri)}}],
    }


def _stale(entry: Entry) -> dict[str, Any]:
    return {"level": "note", "message": {"text": _plain(stale_line(entry))}}


def stale_line(entry: Entry) -> str:
    """Say for a person that an accepted finding is there no more."""
    return (
        f"baseline: {entry.path}: {entry.rule} ({entry.fingerprint[:8]}) matches nothing any more"
    )


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
