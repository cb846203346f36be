"""The ingest pipeline: files in, signed chunks in the store, and what is suspect in quarantine.

A document goes load → scan → text signals → chunk → embed → vector signals → sign → store → ledger,
in batches, and each step takes the next batch only when the last one is committed.

- Ingesting the same documents again changes nothing; a changed one replaces its older version,
  whose chunks leave only after the new ones are in.
- A document that turns hostile is quarantined and its older version stays served. If the bytes did
  not change and only the scanner did, they are withdrawn, since it is they that are suspect.
- Hidden text is scanned, and never embedded, stored or put in metadata.
- A bad file, row or vector is one failure of the report, and so is a document of a source that is
  revoked or not opened; a store that fails stops the run, which can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.embedding import Embedder
from ..core.errors import LoadError, UsageError
from ..core.events import Event, EventSink
from ..core.settings import Settings
from ..core.store import VectorStore
from ..tenancy.access import DocumentAccess
from ..tenancy.quotas import Quotas
from .admission import Admission
from .chunking import Chunker
from .intake import Loaded
from .ledger import Ledger, LedgerKey
from .loaders import LoadedDocument, LoadFailure, load_bytes, load_paths
from .loaders.formats import EXTENSIONS
from .provenance import BatchSigner
from .quarantine import Quarantine, QuarantineRecord, QuarantineState
from .report import IngestReport
from .request import IngestRequest, Progress
from .run import IngestRun
from .run_parts import RunParts
from .scanner import Scanner
from .taking_back import REBUILT
from .writer import BatchWriter


class IngestPipeline:
    """Ingests documents into one store; may be called again and again.

    ``access`` decides which labels documents are written with, by the settings unless given;
    ``quotas`` charges what is written. Raises `SettingsError` where chunk settings do not fit the
    embedding model.
    """

    def __init__(
        self,
        *,
        store: VectorStore,
        embedder: Embedder,
        scanner: Scanner,
        signer: BatchSigner,
        quarantine: Quarantine,
        ledger: Ledger,
        events: EventSink,
        settings: Settings,
        access: DocumentAccess | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self._settings = settings
        self._parts = RunParts(
            store=store,
            embedder=embedder,
            admission=Admission(scanner, settings.scan),
            chunker=Chunker(embedder, settings.ingest),
            signals=settings.signals,
            probation_days=settings.retrieval.probation_days,
            founding_days=settings.retrieval.founding_days,
            state_dir=settings.state_dir,
            writer=BatchWriter(store, signer, ledger),
            quarantine=quarantine,
            ledger=ledger,
            events=events,
            access=access or DocumentAccess(settings.access.where_enabled(), events),
            quotas=quotas,
            batch_documents=settings.ingest.batch_documents,
        )

    def ingest(
        self,
        paths: Sequence[Path],
        request: IngestRequest,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Ingest files and folders; ``progress`` is called after each batch.

        Raises `ModelMismatchError` if the collection was built with another model, and other
        `StoreError` if the store or a state file fails; repeat the call to go on from there.
        """
        if not paths:
            raise UsageError("nothing to ingest: name at least one file or folder")
        stream = load_paths(paths, self._settings.load)
        return IngestRun(self._parts, request, progress).consume(stream)

    def ingest_bytes(self, data: bytes, name: str, request: IngestRequest) -> IngestReport:
        """Ingest one file that is in memory, under ``name``; errors as of `ingest`."""
        stream = load_bytes(data, name, self._settings.load)
        return IngestRun(self._parts, request).consume(stream)

    def release(self, quarantine_id: str, *, reviewer: str, reason: str = "") -> IngestReport:
        """Let a quarantined document in, signed with the reviewer's key.

        It is scanned again and what is found is recorded with its chunks, but decides nothing. The
        call may be repeated after a failure. Raises `UsageError` if a newer version was ingested
        since, which the release would overwrite.
        """
        quarantine = self._parts.quarantine
        record = quarantine.get(quarantine_id)
        self._refuse_stale(record)
        document = self._reloaded(record)
        quarantine.decide(quarantine_id, QuarantineState.RELEASED, reviewer=reviewer, reason=reason)
        self._emit_decision(record, "ingest.released", reviewer, reason)
        request = replace(_request_of(record), kept_label=quarantine.label(quarantine_id))
        return IngestRun(self._parts, request).consume([document])

    def reject(self, quarantine_id: str, *, reviewer: str, reason: str = "") -> QuarantineRecord:
        """Keep a document out for good; one that is served, as if released, is withdrawn first."""
        record = self._parts.quarantine.get(quarantine_id)
        if not reviewer.strip():
            raise UsageError(f"decision on '{quarantine_id}' refused: name the reviewer")
        waiting = self._parts.quarantine.served(record.key.tenant, record.key.collection)
        if record.state is QuarantineState.RELEASED or record in waiting:
            self._withdraw(record)
        decided = self._parts.quarantine.decide(
            quarantine_id, QuarantineState.REJECTED, reviewer=reviewer, reason=reason
        )
        self._emit_decision(record, "ingest.rejected", reviewer, reason)
        return decided

    def _refuse_stale(self, record: QuarantineRecord) -> None:
        key = self._ledger_key(record)
        entry = self._parts.ledger.find(key)
        if entry is None or entry.digest == record.key.digest:
            return
        if entry.at > record.created_at:
            raise UsageError(
                f"release of '{record.id}' refused: a newer version of '{record.key.document}' was "
                "ingested since; reject this one, or ingest its file again"
            )

    def _withdraw(self, record: QuarantineRecord) -> None:
        key = self._ledger_key(record)
        entry = self._parts.ledger.find(key)
        if entry is not None and entry.digest == record.key.digest:
            self._parts.writer.withdraw(key, record.key.collection)

    def _ledger_key(self, record: QuarantineRecord) -> LedgerKey:
        info = self._parts.store.create_collection(
            record.key.collection, self._parts.embedder.identity
        )
        return LedgerKey(
            collection=info.uid,
            tenant=record.key.tenant,
            source=record.key.source,
            document=record.key.document,
        )

    def _reloaded(self, record: QuarantineRecord) -> Loaded:
        """Load the kept bytes again, under the document's own name.

        Where only its text was kept, its file has to be ingested again.
        """
        if record.media_type == REBUILT:
            error = LoadError(
                f"'{record.key.document}' is released, and its bytes were not kept: ingest its "
                "file again, and it is let in"
            )
            return LoadFailure(path=record.key.document, where="release", error=error)
        data = self._parts.quarantine.original(record.id)
        loaded: list[Loaded] = list(load_bytes(data, _file_name(record), self._settings.load))
        for item in loaded:
            if isinstance(item, LoadedDocument) and item.digest == record.key.digest:
                return replace(item, document=record.key.document, source=record.key.source)
        failures = [item for item in loaded if isinstance(item, LoadFailure)]
        raise (
            failures[0].error
            if failures
            else LoadError(
                f"release of '{record.id}' failed: its bytes no longer load as {record.media_type}"
            )
        )

    def _emit_decision(
        self, record: QuarantineRecord, kind: str, reviewer: str, reason: str
    ) -> None:
        self._parts.events.emit(
            Event(
                kind=kind,
                tenant=record.key.tenant,
                subject=record.id,
                outcome=kind.removeprefix("ingest."),
                principal=reviewer,
                detail={"document": record.key.document, "reason": reason},
            )
        )


def _request_of(record: QuarantineRecord) -> IngestRequest:
    return IngestRequest(
        tenant=record.key.tenant, source=record.key.source, collection=record.key.collection
    )


def _file_name(record: QuarantineRecord) -> str:
    """Return a file name whose extension says the media type that the bytes were loaded as."""
    for extension, media_type in EXTENSIONS.items():
        if media_type == record.media_type:
            return f"document{extension}"
    return "document"
