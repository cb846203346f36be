"""What a run works with: the parts that the pipeline made once, and what is the run's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.embedding import Embedder
from ..core.errors import RagbastionError
from ..core.events import Event, EventSink
from ..core.settings_signals import SignalSettings
from ..core.store import CollectionInfo, VectorStore
from ..tenancy.access import DocumentAccess
from ..tenancy.quotas import Quotas
from .admission import Admission
from .chunking import Chunker
from .ledger import Ledger
from .origin import batch_facts
from .probation import Probation
from .provenance import BatchFacts
from .quarantine import Quarantine
from .report import Tally
from .request import IngestRequest
from .signals.catalogue import signals_version
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """One run: its parts, whose documents it takes where, and what it counts and tells of.

    ``version`` is that of the parts when the run began.
    """

    parts: RunParts
    request: IngestRequest
    info: CollectionInfo
    version: str
    tally: Tally

    def probation(self) -> Probation:
        """Return which sources are new by now: a person may have vouched for one meanwhile."""
        return Probation(
            self.parts.writer.sources(self.request.tenant),
            days=self.parts.probation_days,
            founding_days=self.parts.founding_days,
        )

    def fail(self, path: str, where: str, error: RagbastionError) -> None:
        """Count a refusal, and tell of it."""
        failure = self.tally.fail(path, where, error)
        detail = {"where": where, "error": failure.error}
        self.emit("ingest.failed", path, "refused", detail)

    def emit(self, kind: str, subject: str, outcome: str, detail: Mapping[str, object]) -> None:
        """Emit an event of the tenant about the collection."""
        self.parts.events.emit(
            Event(
                kind=kind,
                tenant=self.request.tenant,
                subject=subject,
                outcome=outcome,
                detail={"collection": self.request.collection, **detail},
            )
        )
