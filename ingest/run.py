"""One run over a stream of documents: batch by batch, from loaded to served or held back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.chunk import Matrix, checked_matrix
from ..core.embedding import Embedder
from ..core.errors import AccessError, InputError, RagbastionError, UsageError, VectorError
from ..core.events import Event, EventSink
from ..core.settings_signals import SignalSettings
from ..core.store import VectorStore
from ..core.verdict import Decision, Verdict
from ..tenancy.access import DocumentAccess
from ..tenancy.quotas import Quotas
from .admission import Admission
from .charging import Charging
from .chunking import Chunker
from .intake import Intake, Loaded
from .labelling import Labelling
from .ledger import Ledger, LedgerEntry
from .origin import Origin, batch_facts
from .prepared import Candidate, held_of
from .probation import Probation
from .provenance import BatchFacts
from .quarantine import Quarantine, QuarantineKey, QuarantineRecord, QuarantineState
from .report import IngestReport, QuarantinedItem, Tally
from .request import IngestRequest, Progress
from .screening import Screening
from .signals.burst import Earlier
from .signals.catalogue import signals_version
from .taking_back import TakingBack
from .writer import BatchWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """What a run works with; made once by the pipeline and shared by its runs."""

    store: VectorStore
    embedder: Embedder
    admission: Admission
    chunker: Chunker
    signals: SignalSettings
    probation_days: float
    founding_days: float
    state_dir: Path
    writer: BatchWriter
    quarantine: Quarantine
    ledger: Ledger
    events: EventSink
    access: DocumentAccess
    quotas: Quotas | None
    batch_documents: int

    @property
    def version(self) -> str:
        """Everything that decides what a document becomes; a change of it ingests all again."""
        identity = self.embedder.identity
        return "|".join(
            [
                self.admission.version,
                self.chunker.version,
                f"{identity.model}:{identity.dimension}",
                signals_version(self.signals.off),
            ]
        )

    def facts(self) -> BatchFacts:
        """Return what the signature of a batch says of how it came to be."""
        scanners = (self.admission.version, signals_version(self.signals.off))
        return batch_facts(self.embedder, self.chunker.version, scanners)


class IngestRun:
    """Takes one stream through; make one for each.

    INVARIANT: batches end at the same documents however much of the stream was ingested before, and
    the ledger takes a batch whole, so that signals which compare the documents of a batch see the
    same ones after a kill.
    """

    def __init__(
        self,
        parts: RunParts,
        request: IngestRequest,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._parts = parts
        self._request = request
        self._progress = progress
        self._tally = Tally()
        self._version = parts.version
        self._info = parts.store.create_collection(request.collection, parts.embedder.identity)
        self._charging = Charging(parts.store, parts.quotas, request)
        self._labelling = Labelling(
            parts.store, parts.ledger.labels, parts.access, request, self._info.name
        )
        # A ledger that was put back takes older versions for current: nothing is built on it.
        parts.writer.require_ledger()
        self._screening = self._opened_screening()
        self._taking_back = self._opened_taking_back()
        # As after a restored backup: then the ledger's word is checked, document by document.
        held = parts.store.count(self._info.name, request.tenant)
        self._store_lost_points = held < parts.ledger.points(self._info.uid, request.tenant)

    def consume(self, stream: Iterable[Loaded]) -> IngestReport:
        """Ingest everything and return the report.

        Raises `StoreError` if a store fails, and `QuotaError` where the tenant's quota is used up:
        what was committed before stays, and the call can be repeated.
        """
        self._charging.call()
        self._taking_back.forget(self._parts.probation_days)
        self._finish_taking_back()
        intake = Intake(self._request, self._info.uid, self._tally, self._fail)
        for batch in intake.batches(stream, self._parts.batch_documents):
            self._ingest(batch)
            if self._progress is not None:
                self._progress(self._tally.progress())
        self._screening.save()
        return self._tally.report()

    def _opened_screening(self) -> Screening:
        parts = self._parts
        return Screening(
            store=parts.store,
            embedder=parts.embedder,
            info=self._info,
            request=self._request,
            state_dir=parts.state_dir,
            settings=parts.signals,
            probation=self._probation(),
            tell=self._emit,
        )

    def _opened_taking_back(self) -> TakingBack:
        parts = self._parts
        return TakingBack(
            store=parts.store,
            info=self._info,
            request=self._request,
            writer=parts.writer,
            ledger=parts.ledger,
            quarantine=parts.quarantine,
            # Asked for anew each time: a person may have vouched for a source meanwhile.
            probation=self._probation,
        )

    def _probation(self) -> Probation:
        parts = self._parts
        return Probation(
            parts.writer.sources(self._request.tenant),
            days=parts.probation_days,
            founding_days=parts.founding_days,
        )

    def _ingest(self, batch: Sequence[Candidate]) -> None:
        due = self._signable(self._labelled([each for each in batch if self._is_due(each)]))
        admitted = self._screened(self._scanned(due), self._screening.texts)
        embedded = self._embedded(self._chunked(admitted))
        # Again: embedding takes a while, and a source may be revoked meanwhile.
        served = self._signable(
            self._screened(embedded, self._screening.vectors, self._screening.earlier)
        )
        if served:
            self._write(served)
            self._screening.learn(served)
        if self._parts.writer.tidy([each.ledger_key for each in batch], self._info.name):
            self._charging.note()

    def _is_due(self, each: Candidate) -> bool:
        """Pass what is new or changed; tell of what a person has not let in."""
        record = self._parts.quarantine.find(each.quarantine_key)
        entry = self._parts.ledger.find(each.ledger_key)
        if record is not None and record.state is not QuarantineState.RELEASED:
            self._withdraw(each, entry)
            self._note_known(each, record)
            return False
        if record is not None:
            each.reviewer, each.released = record.decided_by, record.id
        if entry is not None and self._is_current(each, entry):
            self._tally.unchanged += 1
            return False
        each.replaces = entry
        return True

    def _is_current(self, each: Candidate, entry: LedgerEntry) -> bool:
        if (entry.digest, entry.pipeline) != (each.document.digest, self._version):
            return False
        if self._parts.ledger.is_unfinished(each.ledger_key):
            return False  # a killed run signed another version: this one must be the newest again
        if not self._store_lost_points:
            return True
        tenant = self._request.tenant
        held = self._parts.store.get(self._info.name, tenant, list(entry.chunks))
        return len(held) == len(entry.chunks)

    def _labelled(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Give each document its label; one that the writer may not write is refused."""
        kept = []
        for each in batch:
            try:
                each.label, each.label_before = self._labelling.label(each)
                kept.append(each)
            except (AccessError, UsageError) as error:
                self._fail(each.name, "access", error)
        return kept

    def _signable(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Refuse the documents of sources that nobody may sign for now; the others go on."""
        refusals = self._parts.writer.refusals(batch)
        kept = []
        for each in batch:
            error = refusals.get((each.source, each.reviewer))
            if error is None:
                kept.append(each)
            else:
                self._fail(each.name, "sign", error)
        return kept

    def _scanned(self, batch: Sequence[Candidate]) -> list[Candidate]:
        with self._tally.timed("scan"):
            verdicts = self._parts.admission.judge([each.document for each in batch])
        kept = []
        for each, verdict in zip(batch, verdicts, strict=True):
            if isinstance(verdict, RagbastionError):
                self._fail(each.name, "scan", verdict)
            else:
                each.verdict = verdict
                kept.append(each)
        return kept

    def _screened(
        self,
        batch: Sequence[Candidate],
        measure: Callable[[Sequence[Candidate]], Sequence[Verdict]],
        earlier: Callable[[], Sequence[tuple[Earlier, Verdict]]] = lambda: (),
    ) -> list[Candidate]:
        """Add the signals' verdicts, hold what has earned it, and return the rest.

        What was admitted before and is shown by these to be of a burst is held with them.
        """
        with self._tally.timed("outliers"):
            verdicts = measure(batch)
        for each, verdict in zip(batch, verdicts, strict=True):
            each.verdict = each.verdict.merge(verdict)
        self._hold([each for each in batch if _is_to_be_held(each)], earlier())
        return [each for each in batch if not _is_to_be_held(each)]

    def _hold(self, batch: Sequence[Candidate], earlier: Sequence[tuple[Earlier, Verdict]]) -> None:
        taken = self._taking_back.held(earlier)
        if not batch and not taken:
            return
        self._screening.remember_held(batch)
        if taken:
            # First: what the store has no more to compare with must not be forgotten by a kill.
            self._screening.remember([each for each, _ in earlier])
        identifiers = self._parts.quarantine.add_all([*map(held_of, batch), *taken])
        for each, identifier in zip(batch, identifiers, strict=False):
            self._withdraw(each, each.replaces)
            item = _item(identifier, each.name, each.source, reasons_of(each.verdict))
            self._tally.quarantined.append(item)
            told = each.verdict.as_dict()
            self._tell_held("ingest.quarantined", identifier, each.quarantine_key, told)
        if taken:
            self._finish_taking_back()

    def _finish_taking_back(self) -> None:
        """Withdraw what is held and may be served still, of this run or of one that was killed."""
        any_taken = False
        for record in self._taking_back.unfinished():
            key, told = record.key, record.verdict
            reasons = tuple(str(reason) for reason in told["reasons"])
            item = _item(record.id, key.document, key.source, reasons)
            self._tally.taken_back.append(replace(item, taken_back=True))
            # Before it is withdrawn: what cannot be recorded is done by the next run.
            self._tell_held("ingest.taken_back", record.id, key, told)
            any_taken = True
        if any_taken:
            self._charging.note()

    def _tell_held(
        self, kind: str, identifier: str, key: QuarantineKey, verdict: Mapping[str, Any]
    ) -> None:
        kinds = sorted({finding["kind"] for finding in verdict["findings"]})
        detail = {"document": key.document, "digest": key.digest, "kinds": kinds}
        self._emit(kind, identifier, str(verdict["decision"]), detail)

    def _withdraw(self, each: Candidate, entry: LedgerEntry | None) -> None:
        """Stop serving the very bytes that are now held back; an older version stays."""
        if entry is not None and entry.digest == each.document.digest:
            self._parts.writer.withdraw(each.ledger_key, self._info.name)

    def _note_known(self, each: Candidate, record: QuarantineRecord) -> None:
        why = f"{record.state.value} in quarantine already"
        if record.decided_by:
            why = f"{record.state.value} by {record.decided_by}"
        self._tally.quarantined.append(
            QuarantinedItem(
                id=record.id, document=each.name, source=each.source, reasons=(why,), known=True
            )
        )

    def _chunked(self, batch: Sequence[Candidate]) -> list[Candidate]:
        kept = []
        with self._tally.timed("chunk"):
            for each in batch:
                try:
                    each.pieces = tuple(self._parts.chunker.split(each.document.text))
                    if not each.pieces:
                        raise InputError(
                            f"document '{each.name}' refused: it has no visible text to ingest"
                        )
                    kept.append(each)
                except InputError as error:
                    self._fail(each.name, "chunk", error)
        return kept

    def _embedded(self, batch: Sequence[Candidate]) -> list[Candidate]:
        with self._tally.timed("embed"):
            try:
                self._embed(batch)
                return list(batch)
            except VectorError:
                # One text must not stop the batch: find it by embedding each document alone.
                return [each for each in batch if self._embed_alone(each)]

    def _embed_alone(self, each: Candidate) -> bool:
        try:
            self._embed([each])
        except VectorError as error:
            self._fail(each.name, "embed", error)
            return False
        return True

    def _embed(self, batch: Sequence[Candidate]) -> None:
        texts = [piece.text for each in batch for piece in each.pieces]
        if not texts:
            return
        matrix = self._matrix(texts)
        start = 0
        for each in batch:
            each.vectors = matrix[start : start + len(each.pieces)]
            start += len(each.pieces)

    def _matrix(self, texts: Sequence[str]) -> Matrix:
        vectors = self._parts.embedder.embed(texts)
        matrix = checked_matrix(vectors, self._info.embedder.dimension)
        if len(matrix) != len(texts):
            raise VectorError(
                f"vectors refused: {len(matrix)} for {len(texts)} texts; "
                f"the embedder {self._info.embedder.model} lost some"
            )
        return matrix

    def _write(self, batch: Sequence[Candidate]) -> None:
        # Before the store is touched: what cannot be recorded is not let in.
        if self._screening.takes_back:
            self._taking_back.watch(batch)
        detail = {"documents": len(batch), "ids": [each.name for each in batch]}
        self._emit("ingest.admitted", self._info.name, Decision.ALLOW.value, detail)
        origin = Origin(pipeline=self._version, facts=self._parts.facts())
        chunks = self._parts.writer.write(
            batch, self._info.name, origin, self._tally, self._charging
        )
        self._tally.ingested += len(batch)
        self._tally.replaced += sum(each.replaces is not None for each in batch)
        self._tally.chunks += chunks

    def _fail(self, path: str, where: str, error: RagbastionError) -> None:
        failure = self._tally.fail(path, where, error)
        detail = {"where": where, "error": failure.error}
        self._emit("ingest.failed", path, "refused", detail)

    def _emit(self, kind: str, subject: str, outcome: str, detail: Mapping[str, object]) -> None:
        self._parts.events.emit(
            Event(
                kind=kind,
                tenant=self._request.tenant,
                subject=subject,
                outcome=outcome,
                detail={"collection": self._request.collection, **detail},
            )
        )


def _is_to_be_held(each: Candidate) -> bool:
    return each.verdict.decision >= Decision.QUARANTINE and not each.released


def _item(identifier: str, document: str, source: str, reasons: tuple[str, ...]) -> QuarantinedItem:
    return QuarantinedItem(id=identifier, document=document, source=source, reasons=reasons)


def reasons_of(verdict: Verdict) -> tuple[str, ...]:
    """Return the verdict's reasons, or the kinds of what was found if it gives none."""
    kinds = sorted({finding.kind for finding in verdict.findings})
    return verdict.reasons or tuple(kinds)
