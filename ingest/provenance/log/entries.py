"""What an entry of the log says: one JSON object, in the canonical form of RFC 8785."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import rfc8785

from ....core.errors import TransparencyError
from ..canonical_metadata import storable_metadata

ENTRY_TYPE = "ragbastion/log-entry/v1"

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One thing that happened to the evidence.

    ``kind`` is dotted (``envelope.added``, ``key.revoked``), ``subject`` names what it is about
    (see `subject_of`), ``time_s`` is when it was logged. ``record`` is the hex SHA-256 of all that
    was kept of the subject, in canonical JSON, or "" where it was removed; ``fields`` are those
    parts of it that a reader of the log is told. Nothing here is document text or a secret.
    """

    kind: str
    subject: str
    time_s: int
    record: str = ""
    fields: Mapping[str, Scalar] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """Return the bytes that the log keeps and hashes."""
        return rfc8785.dumps(
            {
                "type": ENTRY_TYPE,
                "kind": self.kind,
                "subject": self.subject,
                "time": self.time_s,
                "record": self.record,
                "fields": storable_metadata(self.fields),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> LogEntry:
        """Read an entry; raise `TransparencyError` for bytes that are not one of ours."""
        try:
            read = json.loads(data.decode())
            if read["type"] != ENTRY_TYPE or type(read["time"]) is not int:
                raise ValueError
            texts = {name: read[name] for name in ("kind", "subject", "record")}
            if not all(isinstance(text, str) for text in texts.values()):
                raise ValueError
            return cls(**texts, time_s=read["time"], fields=dict(read["fields"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TransparencyError("log entry refused: it is not of a known form") from error

    @classmethod
    def parse_known(cls, data: bytes) -> LogEntry | None:
        """Read an entry; None for bytes of another form, which a log may hold as well."""
        try:
            return cls.parse(data)
        except TransparencyError:
            return None


def subject_of(noun: str, *names: str) -> str:
    """Return the name of what an entry is about; no two tuples of names share one.

    >>> subject_of("source", "acme", "wiki/public")
    'source/acme/wiki%2Fpublic'
    """
    return "/".join([noun, *(quote(name, safe="", errors="surrogatepass") for name in names)])


def record_digest(row: Mapping[str, Scalar | bytes]) -> str:
    """Return the hex SHA-256 of a record's canonical JSON; bytes count as their hex."""
    plain = {name: v.hex() if isinstance(v, bytes) else v for name, v in row.items()}
    return hashlib.sha256(rfc8785.dumps(storable_metadata(plain))).hexdigest()


def envelope_digest(text: str) -> str:
    """Return the hex SHA-256 of an envelope's canonical JSON: the same however it is written.

    Of what has no such form, and so is no envelope, it is that of the text.
    """
    try:
        data = rfc8785.dumps(json.loads(text))
    except (ValueError, RecursionError):  # canonicalisation errors are ValueErrors
        data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()
