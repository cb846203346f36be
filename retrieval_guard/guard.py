"""The whole guard in one object: what goes in, what comes out, and what an agent then does.

>>> from ragbastion import Guard, Settings
>>> guard = Guard.from_settings(Settings())
>>> guard.settings.retrieval.top_k
5
>>> guard.close()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.chunk import TenantId
from ..core.errors import UnknownTenantError
from ..core.events import Event
from ..core.settings import Settings, load_settings
from .layers import Layers
from .lazy import Lazy
from .parts import GuardParts, LazyParts

if TYPE_CHECKING:
    from ..core.embedding import Embedder
    from ..core.store import CollectionInfo, Hit, VectorStore
    from ..ingest import IngestReport, IngestRequest, Progress, Writer
    from ..ingest.quarantine import Quarantine, QuarantineRecord
    from ..ingest.scanner import Scanner
    from ..pii import Redacted, Redactor
    from ..policies import AuditLog, Authorization, PolicyEngine, SessionStore
    from ..tenancy import TenantContext
    from .actions import ActionGuard
    from .documents import Documents
    from .observing import QueryObserver
    from .proposal import Action
    from .readable import ReadableSearch
    from .reembedding_report import ReembeddingReport
    from .results import Retrieval
    from .sampling import Drawn, Reservoir, SampleSize
    from .sweep_report import SweepReport

Paths = str | Path | Sequence[str | Path]


class Guard:
    """Guards a RAG system's data layer as its settings say.

    Parts are built on first use, so that deciding an action loads no model. Safe to share between
    threads. Close it, or use it as a context manager: an embedded store stays locked until then.
    """

    def __init__(self, settings: Settings, parts: GuardParts | None = None) -> None:
        self._settings = settings
        self._parts = LazyParts(settings, parts or GuardParts())
        self._actions: Lazy[ActionGuard] = Lazy(None, self._build_actions)

    @classmethod
    def from_settings(
        cls, settings: Settings | None = None, parts: GuardParts | None = None
    ) -> Self:
        """Return a guard by the given settings, or by those of file and environment."""
        return cls(load_settings() if settings is None else settings, parts)

    def ingest(
        self,
        paths: Paths,
        *,
        tenant: str,
        source: str,
        collection: str | None = None,
        writer: Writer | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Ingest files and folders of one source; bad files are in the report, the rest go on.

        ``writer`` says who writes and which label documents get; a tenant with `access.enabled`
        needs one. Raises `QuotaError` where the tenant's quota is used up, after what was ingested
        until then.
        """
        listed = [paths] if isinstance(paths, str | Path) else paths
        request = self._ingest_request(tenant, source, collection, writer)
        return self._parts.pipeline().ingest([Path(each) for each in listed], request, progress)

    def ingest_bytes(
        self,
        data: bytes,
        name: str,
        *,
        tenant: str,
        source: str,
        collection: str | None = None,
        writer: Writer | None = None,
    ) -> IngestReport:
        """Ingest one document (untrusted) that is in memory; ``name`` tells its format."""
        request = self._ingest_request(tenant, source, collection, writer)
        return self._parts.pipeline().ingest_bytes(data, name, request)

    def retrieve(
        self,
        query: str,
        context: TenantContext,
        *,
        collection: str | None = None,
        limit: int | None = None,
    ) -> Retrieval:
        """Answer a query with a guarded context; fails closed as `RetrievalGuard` says.

        Raises `UsageError` for an empty query, `CredentialError` for an expired context,
        `QuotaError` for a tenant that has no call left, `CollectionNotFoundError`,
        `UnknownTenantError`, `ModelMismatchError`.
        """
        self._admit_call(query, context)
        layers = Layers()
        with layers.timed("embed"):
            info = self._collection(collection)
            vector = self.embedder.embed([query])[0]
        self._parts.observer().note(context.tenant, info.uid, query, vector)
        search = self._search(info, context)
        return self._parts.retrieval().retrieve(
            query,
            lambda wanted: search(vector, wanted),
            context,
            info,
            limit=limit,
            layers=layers,
            among=lambda names, wanted: search(vector, wanted, names),
        )

    def search(
        self,
        query: str,
        context: TenantContext,
        *,
        collection: str | None = None,
        limit: int | None = None,
    ) -> list[Hit]:
        """Return what the store alone answers: what the context may read, with no other check.

        For comparison and investigation; never put its text before a model.
        """
        self._admit_call(query, context)
        info = self._collection(collection)
        vector = self.embedder.embed([query])[0]
        wanted = limit or self._settings.retrieval.top_k
        return self._search(info, context)(vector, wanted)

    def documents(self, context: TenantContext, collection: str | None = None) -> Documents:
        """Return what deletes, restores and labels documents of the context's tenant.

        Charged as one call. Raises `UsageError` for a store that cannot, `QuotaError` for a tenant
        that has no call left.
        """
        from .documents import Documents
        from .retrieval import require_context

        require_context(context, self._parts.events())
        self._parts.quotas().spend_call(context)
        info = self.store.collection(collection or self._settings.collection)
        return Documents(self.store, self._parts.ledger(), self._parts.access(), info)

    def authorize(self, action: Action, context: TenantContext) -> Authorization:
        """Decide an action that an agent proposes; identity and session come from ``context``."""
        return self._actions().authorize(action, context)

    def respond(self, text: str, context: TenantContext) -> Redacted:
        """Mask an agent's answer on its way out; raise `PolicyError` if it may not answer."""
        entities = self._settings.pii.retrieval_entities
        return self._actions().respond(text, context, self.redactor, entities)

    def release(self, quarantine_id: str, reviewer: str, reason: str = "") -> IngestReport:
        """Let a quarantined document in, signed by the reviewer."""
        return self._parts.pipeline().release(quarantine_id, reviewer=reviewer, reason=reason)

    def reject(self, quarantine_id: str, reviewer: str, reason: str = "") -> QuarantineRecord:
        """Keep a quarantined document out for good."""
        return self._parts.pipeline().reject(quarantine_id, reviewer=reviewer, reason=reason)

    def verify(
        self,
        collection: str | None = None,
        tenant: str | None = None,
        *,
        reembed: SampleSize | None = None,
        seed: int | None = None,
    ) -> SweepReport:
        """Verify every stored point of a collection, of one tenant or of all; audit the outcome.

        A point that does not open is one finding, and the sweep goes on. With ``reembed`` a random
        sample of what verifies is embedded again and its vectors are compared; ``seed`` makes the
        draw the same again. Raises `TransparencyError` for a transparency log that was put back or
        rewritten, `UnknownTenantError` for a named tenant that has, and should have, no points, and
        with ``reembed`` `ModelMismatchError` for a collection of another model.
        """
        from .sweep import Sweep, stored_points

        info = self.store.collection(collection or self._settings.collection)
        tenants = self._tenants(info, tenant)
        sample = None
        if reembed is not None:
            self.embedder.identity.require(info.embedder, info.name)
            sample = self._reservoir(reembed, seed, info, tenants)
        self._parts.log().refresh()
        sweep = Sweep(self._parts.verifier(), info, self._parts.log(), sample)
        for each in tenants:
            expected = self._parts.ledger().chunks(info.uid, each)
            sweep.add(each, stored_points(self.store, info.name, each), expected)
        sweep.add_ledger(self._parts.log().ledger_findings(self._parts.ledger(), info.uid, tenant))
        report = sweep.report()
        if sample is not None:
            report = replace(report, reembedding=self._reembedded(sample, info))
        self._parts.events().emit(
            Event(
                kind="verify",
                tenant=tenant or "",
                subject=info.name,
                outcome="clean" if report.clean else "findings",
                detail=report.audit_detail(),
            )
        )
        return report

    def close(self) -> None:
        """Close what this guard opened; closing twice is allowed."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        """The settings that the guard follows."""
        return self._settings

    @property
    def store(self) -> VectorStore:
        """The vector store."""
        return self._parts.store()

    @property
    def embedder(self) -> Embedder:
        """The embedding model."""
        return self._parts.embedder()

    @property
    def scanner(self) -> Scanner:
        """The injection scanner."""
        return self._parts.scanner()

    @property
    def redactor(self) -> Redactor:
        """The redactor of personal data."""
        return self._parts.redactor()

    @property
    def quarantine(self) -> Quarantine:
        """What was held back at ingestion."""
        return self._parts.quarantine()

    @property
    def observer(self) -> QueryObserver:
        """What takes note of queries for the poisoning signals."""
        return self._parts.observer()

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        return self._parts.audit()

    @property
    def policies(self) -> PolicyEngine:
        """The policies."""
        return self._parts.policies()

    @property
    def sessions(self) -> SessionStore:
        """What is known of each session."""
        return self._parts.sessions()

    def _build_actions(self) -> ActionGuard:
        from .actions import ActionGuard

        return ActionGuard(self.policies, self.sessions, self._parts.events())

    def _ingest_request(
        self, tenant: str, source: str, collection: str | None, writer: Writer | None
    ) -> IngestRequest:
        from ..ingest import IngestRequest

        return IngestRequest(
            tenant=TenantId(tenant),
            source=source,
            collection=collection or self._settings.collection,
            writer=writer,
        )

    def _admit_call(self, query: str, context: TenantContext) -> None:
        """Check who asks and what, and charge the call."""
        from .retrieval import require_context, require_query

        require_context(context, self._parts.events())
        require_query(query)
        self._parts.quotas().spend_call(context)

    def _collection(self, name: str | None) -> CollectionInfo:
        """Return the collection, refused if another model made its vectors."""
        info = self.store.collection(name or self._settings.collection)
        self.embedder.identity.require(info.embedder, info.name)
        return info

    def _search(self, info: CollectionInfo, context: TenantContext) -> ReadableSearch:
        from .readable import ReadableSearch

        labels = self._parts.verifier().labels
        return ReadableSearch(self.store, self._parts.access(), info, context, labels)

    def _reservoir(
        self, size: SampleSize, seed: int | None, info: CollectionInfo, tenants: list[TenantId]
    ) -> Reservoir[Drawn]:
        from .sampling import Reservoir

        stored = sum(self.store.count(info.name, each) for each in tenants)
        return Reservoir(size.of(stored), seed)

    def _reembedded(self, sample: Reservoir[Drawn], info: CollectionInfo) -> ReembeddingReport:
        from .reembedding import Reembedding

        audit = Reembedding(self.store, self._parts.verifier(), self.embedder, info)
        return audit.audit(sample)

    def _tenants(self, info: CollectionInfo, tenant: str | None) -> list[TenantId]:
        if tenant is None:
            return self.store.tenants(info.name)
        named = TenantId(tenant)
        if not self.store.count(info.name, named) and not self._parts.ledger().points(
            info.uid, named
        ):
            raise UnknownTenantError(
                f"collection '{info.name}' holds nothing of tenant '{tenant}': check the name"
            )
        return [named]
