"""What a guard is made of: each part given, or built from the settings when first needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.events import EventSink, FanOutEventSink, LoggingEventSink
from ..core.settings import Settings
from .lazy import Lazy

if TYPE_CHECKING:
    from ..core.embedding import Embedder
    from ..core.store import VectorStore
    from ..ingest import IngestPipeline
    from ..ingest.ledger import Ledger
    from ..ingest.provenance import BatchSigner, ChunkVerifier
    from ..ingest.provenance.log import EnvelopeInclusion
    from ..ingest.quarantine import Quarantine
    from ..ingest.scanner import Scanner
    from ..pii import Redactor
    from ..policies import AuditLog, PolicyEngine, SessionStore
    from ..tenancy import DocumentAccess, PayloadCipher, Quotas
    from .observing import QueryObserver
    from .retrieval import RetrievalGuard


QUOTAS_FILE = "quotas.db"
"""Inside the state folder; what tenants have used of their quotas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardParts:
    """Parts that a caller brings; what is None is built from the settings.

    A part that is given is not closed by the guard. ``events`` receives events beside the audit
    log.
    """

    store: VectorStore | None = None
    embedder: Embedder | None = None
    scanner: Scanner | None = None
    redactor: Redactor | None = None
    policies: PolicyEngine | None = None
    sessions: SessionStore | None = None
    audit: AuditLog | None = None
    quarantine: Quarantine | None = None
    events: EventSink | None = None


class LazyParts:
    """Every part of a guard behind a call, built at most once; imports happen on that call too."""

    def __init__(self, settings: Settings, given: GuardParts) -> None:
        self._settings = settings
        self._given = given
        self.store = Lazy(given.store, self._build_store)
        self.embedder = Lazy(given.embedder, self._build_embedder)
        self.scanner = Lazy(given.scanner, self._build_scanner)
        self.redactor = Lazy(given.redactor, self._build_redactor)
        self.policies = Lazy(given.policies, self._build_policies)
        self.sessions = Lazy(given.sessions, self._build_sessions)
        self.audit = Lazy(given.audit, self._build_audit)
        self.quarantine = Lazy(given.quarantine, self._build_quarantine)
        self.cipher: Lazy[PayloadCipher] = Lazy(None, self._build_cipher)
        self.access: Lazy[DocumentAccess] = Lazy(None, self._build_access)
        self.quotas: Lazy[Quotas] = Lazy(None, self._build_quotas)
        self.ledger: Lazy[Ledger] = Lazy(None, self._build_ledger)
        self.signer: Lazy[BatchSigner] = Lazy(None, self._build_signer)
        self.verifier: Lazy[ChunkVerifier] = Lazy(None, self._build_verifier)
        self.log: Lazy[EnvelopeInclusion] = Lazy(None, self._build_log)
        self.events: Lazy[EventSink] = Lazy(None, self._build_events)
        self.pipeline: Lazy[IngestPipeline] = Lazy(None, self._build_pipeline)
        self.observer: Lazy[QueryObserver] = Lazy(None, self._build_observer)
        self.retrieval: Lazy[RetrievalGuard] = Lazy(None, self._build_retrieval)

    def close(self) -> None:
        """Close every part that was built here, the pipeline first; the first error is raised."""
        errors: list[Exception] = []
        for part in self._in_closing_order():
            try:
                part.close()
            except Exception as error:  # noqa: BLE001 - the other files must be closed too
                errors.append(error)
        if errors:
            raise errors[0]

    def _in_closing_order(self) -> Iterator[Lazy[Any]]:
        yield from (
            self.retrieval,
            self.observer,
            self.pipeline,
            self.events,
            self.store,
            self.cipher,
        )
        yield from (
            self.quotas,
            self.ledger,
            self.quarantine,
            self.signer,
            self.log,
            self.verifier,
            self.sessions,
            self.audit,
        )
        yield from (self.redactor, self.scanner, self.embedder, self.policies)

    def _build_store(self) -> VectorStore:
        from ..tenancy import open_store
        from ..tenancy.encryption import is_encrypted

        key = self._settings.store_api_key
        plain = key.get_secret_value() if key else None
        return open_store(
            self._settings.store,
            plain,
            embedded=self._settings.embedded_store,
            cipher=self.cipher() if is_encrypted(self._settings) else None,
        )

    def _build_cipher(self) -> PayloadCipher:
        from ..tenancy.encryption import open_cipher

        return open_cipher(self._settings, self.events())

    def _build_access(self) -> DocumentAccess:
        from ..tenancy import DocumentAccess

        return DocumentAccess(self._settings.access.where_enabled(), self.events())

    def _build_quotas(self) -> Quotas:
        from ..tenancy import Quotas

        path = self._settings.state_dir / QUOTAS_FILE
        return Quotas(self._settings.quotas, path, self.events())

    def _build_embedder(self) -> Embedder:
        from ..core.sentence_transformer import SentenceTransformerEmbedder

        chosen = self._settings.embedding
        return SentenceTransformerEmbedder(chosen.model, batch_size=chosen.batch_size)

    def _build_scanner(self) -> Scanner:
        from ..ingest.scanner import Scanner

        return Scanner(self._settings.scan)

    def _build_redactor(self) -> Redactor:
        from ..pii import Redactor

        return Redactor(self._settings.pii)

    def _build_policies(self) -> PolicyEngine:
        from ..policies import PolicyEngine

        return PolicyEngine.from_directory(self._settings.policy.directory)

    def _build_sessions(self) -> SessionStore:
        from ..policies import SessionStore

        return SessionStore(self._settings.state_dir / "sessions.db")

    def _build_audit(self) -> AuditLog:
        from ..policies import AuditLog

        return AuditLog(self._settings.state_dir / "audit.db")

    def _build_events(self) -> EventSink:
        beside = [self._given.events] if self._given.events is not None else []
        return FanOutEventSink([self.audit(), LoggingEventSink(), *beside])

    def _build_quarantine(self) -> Quarantine:
        from ..ingest.quarantine import Quarantine

        return Quarantine(self._settings.state_dir / "quarantine.db")

    def _build_ledger(self) -> Ledger:
        from ..ingest.ledger import Ledger

        return Ledger(self._settings.state_dir / "ledger.db")

    def _build_signer(self) -> BatchSigner:
        from ..ingest.provenance import BatchSigner

        return BatchSigner(self._settings.state_dir, self._settings.provenance, self.events())

    def _build_verifier(self) -> ChunkVerifier:
        from ..ingest.provenance import ChunkVerifier

        return ChunkVerifier(self._settings.state_dir, self._settings.provenance)

    def _build_log(self) -> EnvelopeInclusion:
        from ..ingest.provenance.log import EnvelopeInclusion

        self.verifier()  # makes the registry's tables, if nothing was signed yet
        return EnvelopeInclusion(self._settings.state_dir, self._settings.provenance.log)

    def _build_pipeline(self) -> IngestPipeline:
        from ..ingest import IngestPipeline

        return IngestPipeline(
            store=self.store(),
            embedder=self.embedder(),
            scanner=self.scanner(),
            signer=self.signer(),
            quarantine=self.quarantine(),
            ledger=self.ledger(),
            events=self.events(),
            settings=self._settings,
            access=self.access(),
            quotas=self.quotas(),
        )

    def _build_observer(self) -> QueryObserver:
        from ..ingest.signals.baseline import BASELINE_FOLDER
        from .observing import QueryObserver

        folder = self._settings.state_dir / BASELINE_FOLDER
        return QueryObserver(folder, enabled=self._settings.signals.observe_queries)

    def _build_retrieval(self) -> RetrievalGuard:
        from .retrieval import RetrievalGuard

        self.verifier().require_ledger()
        return RetrievalGuard(
            scanner=self.scanner(),
            verifier=self.verifier(),
            redactor=self.redactor(),
            policy=self.policies(),
            sessions=self.sessions(),
            events=self.events(),
            settings=self._settings,
        )
