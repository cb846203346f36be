"""One run over a stream of documents: batch by batch, from loaded to served or held back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..core.errors import RagbastionError
from ..core.verdict import Decision, Verdict
from .charging import Charging
from .due import DueDocuments
from .embedding import Embedding
from .holding import Holding
from .intake import Intake, Loaded
from .labelling import Labelling
from .origin import Origin
from .prepared import Candidate
from .report import IngestReport, Tally
from .request import IngestRequest, Progress
from .run_parts import RunParts, RunScope
from .screening import Screening
from .signals.burst import Earlier
from .taking_back import TakingBack


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
        # First: the report's seconds are counted from here.
        tally = Tally()
        info = parts.store.create_collection(request.collection, parts.embedder.identity)
        scope = RunScope(
            parts=parts, request=request, info=info, version=parts.version, tally=tally
        )
        self._parts = parts
        self._scope = scope
        self._tally = tally
        self._progress = progress
        self._charging = Charging(parts.store, parts.quotas, request)
        labelling = Labelling(parts.store, parts.ledger.labels, parts.access, request, info.name)
        # A ledger that was put back takes older versions for current: nothing is built on it.
        parts.writer.require_ledger()
        self._screening = _screening(scope)
        self._taking_back = TakingBack(scope)
        self._holding = Holding(scope, self._screening, self._taking_back, self._charging)
        self._due = DueDocuments(scope, labelling, self._holding)
        self._embedding = Embedding(scope)

    def consume(self, stream: Iterable[Loaded]) -> IngestReport:
        """Ingest everything and return the report.

        Raises `StoreError` if a store fails, and `QuotaError` where the tenant's quota is used up:
        what was committed before stays, and the call can be repeated.
        """
        scope = self._scope
        self._charging.call()
        self._taking_back.forget()
        self._holding.finish_taking_back()
        intake = Intake(scope.request, scope.info.uid, self._tally, scope.fail)
        for batch in intake.batches(stream, self._parts.batch_documents):
            self._ingest(batch)
            if self._progress is not None:
                self._progress(self._tally.progress())
        self._screening.save()
        return self._tally.report()

    def _ingest(self, batch: Sequence[Candidate]) -> None:
        due = self._due.of(batch)
        admitted = self._screened(self._scanned(due), self._screening.texts)
        embedded = self._embedding.embedded(admitted)
        # Again: embedding takes a while, and a source may be revoked meanwhile.
        served = self._due.signable(
            self._screened(embedded, self._screening.vectors, self._screening.earlier)
        )
        if served:
            self._write(served)
            self._screening.learn(served)
        if self._parts.writer.tidy([each.ledger_key for each in batch], self._scope.info.name):
            self._charging.note()

    def _scanned(self, batch: Sequence[Candidate]) -> list[Candidate]:
        with self._tally.timed("scan"):
            verdicts = self._parts.admission.judge([each.document for each in batch])
        kept = []
        for each, verdict in zip(batch, verdicts, strict=True):
            if isinstance(verdict, RagbastionError):
                self._scope.fail(each.name, "scan", verdict)
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
        return self._holding.passed(batch, earlier())

    def _write(self, batch: Sequence[Candidate]) -> None:
        scope, tally = self._scope, self._tally
        # Before the store is touched: what cannot be recorded is not let in.
        if self._screening.takes_back:
            self._taking_back.watch(batch)
        detail = {"documents": len(batch), "ids": [each.name for each in batch]}
        scope.emit("ingest.admitted", scope.info.name, Decision.ALLOW.value, detail)
        origin = Origin(pipeline=scope.version, facts=self._parts.facts())
        chunks = self._parts.writer.write(batch, scope.info.name, origin, tally, self._charging)
        tally.ingested += len(batch)
        tally.replaced += sum(each.replaces is not None for each in batch)
        tally.chunks += chunks


def _screening(scope: RunScope) -> Screening:
    return Screening(
        store=scope.parts.store,
        embedder=scope.parts.embedder,
        info=scope.info,
        request=scope.request,
        state_dir=scope.parts.state_dir,
        settings=scope.parts.signals,
        probation=scope.probation(),
        tell=scope.emit,
    )
