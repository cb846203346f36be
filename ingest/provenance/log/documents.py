"""Which version of a document is the current one, by what was signed last.

An envelope of predicate version 2 lists the documents that its chunks are of; each becomes an entry
of its own, so that the newest one about a document tells a replayed, older version. One that the
ledger of the state folder answers for carries the number of the ledger's change.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .entries import LogEntry, Scalar, subject_of

VERSION = "document.version"
REMOVED = "document.removed"
LEDGER_FIELD = "ledger"
_PREFIX = "document/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Envelopes whose documents the ledger is about to have, and the number of its change."""

    changes: int
    envelopes: frozenset[str]

    def answers_for(self, envelope: object) -> int | None:
        """Return the number of the change if the envelope is one of these."""
        return self.changes if envelope in self.envelopes else None


def document_subject(scope: tuple[str, str, str], document: str) -> str:
    """Return the subject of a document; ``scope`` is (tenant, collection uid, source)."""
    tenant, collection_uid, source = scope
    return subject_of("document", tenant, collection_uid, source, document)


def names_in(subject: str) -> tuple[str, str, str, str] | None:
    """Return (collection uid, tenant, source, document) of a document's subject; None of another.

    >>> names_in(document_subject(("acme", "u1", "wiki"), "a/b"))
    ('u1', 'acme', 'wiki', 'a/b')
    """
    names = subject.removeprefix(_PREFIX).split("/")
    if not subject.startswith(_PREFIX) or len(names) != 4:
        return None
    try:
        tenant, uid, source, document = (unquote(each, errors="strict") for each in names)
    except UnicodeDecodeError:
        return None  # no state file can hold it
    return uid, tenant, source, document


def removed_document(
    scope: tuple[str, str, str], document: str, time_s: int, changes: int | None = None
) -> LogEntry:
    """Return the entry that says that no version of a document is current any more.

    ``changes`` is the number of the ledger's change that says so, if one does.
    """
    subject = document_subject(scope, document)
    return LogEntry(kind=REMOVED, subject=subject, time_s=time_s, fields=_told(changes))


def versions_in(
    envelope: Mapping[str, Scalar | bytes], time_s: int, changes: int | None = None
) -> list[LogEntry]:
    """Return an entry for each document that an envelope's record lists; none in version 1.

    ``changes`` is as in `removed_document`.
    """
    scope = tuple(str(envelope.get(name)) for name in ("tenant", "collection_uid", "source"))
    return [
        LogEntry(
            kind=VERSION,
            subject=document_subject((scope[0], scope[1], scope[2]), name),
            time_s=time_s,
            record=digest,
            fields={"envelope": str(envelope.get("id")), **_told(changes)},
        )
        for name, digest in _documents(envelope.get("envelope"))
    ]


def _told(changes: int | None) -> dict[str, Scalar]:
    return {} if changes is None else {LEDGER_FIELD: changes}


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
