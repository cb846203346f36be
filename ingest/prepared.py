"""A document on its way through a run, from loaded to ready for the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.chunk import Chunk, Matrix, TenantId
from ..core.verdict import Severity, Verdict
from .chunking import Piece
from .exact_numbers import exact_numbers
from .ledger import LedgerEntry, LedgerKey
from .loaders import LoadedDocument
from .provenance import chunk_id
from .quarantine import Held, QuarantineKey
from .request import IngestRequest
from .signals import SignalInput

_SIGNAL_PREFIX = "outlier."


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A loaded document, the names it goes by, and what has been found out about it so far.

    ``released`` and ``reviewer`` are set when a person released it from quarantine; ``replaces``
    is its older version in the ledger; ``label`` the payload keys that say who may read it,
    ``label_before`` those that the ledger has until it is written.
    """

    document: LoadedDocument
    source: str
    ledger_key: LedgerKey
    quarantine_key: QuarantineKey
    reviewer: str = ""
    released: str = ""
    replaces: LedgerEntry | None = None
    verdict: Verdict = field(default_factory=Verdict.allow)
    pieces: tuple[Piece, ...] = ()
    vectors: Matrix | None = None
    label: Mapping[str, Any] = field(default_factory=dict)
    label_before: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The document's id."""
        return self.document.document

    def signal_input(self) -> SignalInput:
        """Return the document as the outlier signals see it."""
        return SignalInput(
            document=self.document.document,
            source=self.source,
            text=self.document.text,
            pieces=tuple(piece.text for piece in self.pieces),
            vectors=self.vectors,
            digest=self.document.digest,
        )


def candidate(document: LoadedDocument, request: IngestRequest, collection_uid: str) -> Candidate:
    """Name a loaded document; a source that its row names goes before the request's."""
    source = document.source or request.source
    return Candidate(
        document=document,
        source=source,
        ledger_key=LedgerKey(
            collection=collection_uid,
            tenant=request.tenant,
            source=source,
            document=document.document,
        ),
        quarantine_key=QuarantineKey(
            tenant=request.tenant,
            collection=request.collection,
            source=source,
            document=document.document,
            digest=document.digest,
        ),
    )


def chunks_of(each: Candidate) -> list[Chunk]:
    """Return the chunks of an embedded candidate, with deterministic ids and compact metadata.

    A finding with a span marks the chunks that it touches, one without marks all. Metadata holds
    kinds only, never evidence or hidden text.
    """
    if each.vectors is None:
        return []
    tenant = TenantId(each.ledger_key.tenant)
    scope = (tenant, each.ledger_key.collection, each.source)
    common = _common_metadata(each)
    return [
        Chunk(
            id=chunk_id(scope, each.name, position, piece.text),
            text=piece.text,
            tenant=tenant,
            source=each.source,
            document=each.document.document,
            document_digest=each.document.digest,
            position=position,
            metadata={**common, **_own_metadata(piece, each.verdict)},
            vector=vector,
        )
        for position, (piece, vector) in enumerate(zip(each.pieces, each.vectors, strict=True))
    ]


def entry_of(each: Candidate, chunks: Sequence[Chunk], pipeline: str) -> LedgerEntry:
    """Return the ledger's entry for a candidate with its chunks."""
    return LedgerEntry(
        key=each.ledger_key,
        digest=each.document.digest,
        pipeline=pipeline,
        chunks=tuple(chunk.id for chunk in chunks),
    )


def held_of(each: Candidate) -> Held:
    """Return a candidate as quarantine is to hold it."""
    return Held(
        key=each.quarantine_key,
        raw=each.document.raw,
        media_type=each.document.media_type,
        verdict=each.verdict,
        label=each.label,
    )


def _common_metadata(each: Candidate) -> dict[str, Any]:
    document = each.document
    facts = {**exact_numbers(document.metadata), "media_type": document.media_type}
    if document.title:
        facts["title"] = document.title
    if document.url:
        facts["url"] = document.url
    if each.released:
        facts["released"] = each.released
    return facts


def _own_metadata(piece: Piece, verdict: Verdict) -> dict[str, Any]:
    facts: dict[str, Any] = {"start": piece.start, "end": piece.end}
    # Set even when empty: a row's own field of that name must not pass for a finding of ours.
    facts["flags"], facts["signals"] = flags_and_signals(verdict, piece.start, piece.end)
    return facts


def flags_and_signals(verdict: Verdict, start: int, end: int) -> tuple[list[str], list[str]]:
    """Return what marks a passage of a document: kinds of findings, and names of signals.

    What is for information only lowers nobody's trust, and marks nothing.
    """
    told = [f for f in verdict.findings if f.severity > Severity.INFO]
    kinds = sorted({f.kind for f in told if _touches(f.span, start, end)})
    signals = [kind for kind in kinds if kind.startswith(_SIGNAL_PREFIX)]
    flags = [kind for kind in kinds if kind not in signals]
    return flags, [kind.removeprefix(_SIGNAL_PREFIX) for kind in signals]


def _touches(span: tuple[int, int] | None, start: int, end: int) -> bool:
    return span is None or (span[0] < end and span[1] > start)
