"""Which version of a document is the current one, by what was signed last.

An envelope of predicate version 2 lists the documents that its chunks are of; each becomes an entry
of its own, so that the newest one about a document tells a replayed, older version.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from .entries import LogEntry, Scalar, subject_of

VERSION = "document.version"
REMOVED = "document.removed"


def document_subject(scope: tuple[str, str, str], document: str) -> str:
    """Return the subject of a document; ``scope`` is (tenant, collection uid, source)."""
    tenant, collection_uid, source = scope
    return subject_of("document", tenant, collection_uid, source, document)


def removed_document(scope: tuple[str, str, str], document: str, time_s: int) -> LogEntry:
    """Return the entry that says that no version of a document is current any more."""
    return LogEntry(kind=REMOVED, subject=document_subject(scope, document), time_s=time_s)


def versions_in(envelope: Mapping[str, Scalar | bytes], time_s: int) -> list[LogEntry]:
    """Return an entry for each document that an envelope's record lists; none in version 1."""
    scope = tuple(str(envelope.get(name)) for name in ("tenant", "collection_uid", "source"))
    return [
        LogEntry(
            kind=VERSION,
            subject=document_subject((scope[0], scope[1], scope[2]), name),
            time_s=time_s,
            record=digest,
            fields={"envelope": str(envelope.get("id"))},
        )
        for name, digest in _documents(envelope.get("envelope"))
    ]


def _documents(text: object) -> list[tuple[str, str]]:
    """Return (name, digest of the bytes) of the documents of an envelope, as JSON text.

    What is no such envelope lists none: its own entry says that it was kept, and it verifies as
    little as it is read here.
    """
    try:
        statement: Any = json.loads(base64.b64decode(json.loads(str(text))["payload"]))
        listed = statement["predicate"].get("documents", ())
        found = [(each["name"], each["digest"]["sha256"]) for each in listed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return [each for each in found if all(isinstance(part, str) for part in each)]
