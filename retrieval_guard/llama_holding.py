"""LlamaIndex nodes that are held back: into quarantine where there is one, and told of always."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.chunk import Digest, DocumentId, TenantId
from ..core.events import Event, EventSink
from ..core.verdict import Verdict
from ..ingest.quarantine import Quarantine, QuarantineKey, QuarantineRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHolding:
    """Holds back what one source brings to a tenant's collection."""

    tenant: str
    source: str
    collection: str
    events: EventSink
    quarantine: Quarantine | None = None

    def hold(
        self, document: str, digest: str, text: str, verdict: Verdict, nodes: Sequence[str]
    ) -> None:
        """Keep a text (untrusted) of a document, and tell which of its nodes are held."""
        identifier = ""
        if self.quarantine is not None:
            raw = text.encode("utf-8", "surrogatepass")
            key = self._key(self.source, document, digest)
            identifier = self.quarantine.add(key, raw, "text/plain", verdict)
        detail: dict[str, object] = {
            "document": document,
            "nodes": list(nodes),
            "source": self.source,
            "findings": [finding.detector for finding in verdict.findings],
        }
        self.tell("ingest.quarantined", identifier or document, verdict.decision.value, detail)

    def find(self, source: str, document: str, digest: str) -> QuarantineRecord | None:
        """Return the record of a version of a document, None without one or without quarantine."""
        if self.quarantine is None:
            return None
        return self.quarantine.find(self._key(source, document, digest))

    def tell(self, kind: str, subject: str, outcome: str, detail: dict[str, object]) -> None:
        """Emit an event of the tenant."""
        self.events.emit(
            Event(kind=kind, tenant=self.tenant, subject=subject, outcome=outcome, detail=detail)
        )

    def _key(self, source: str, document: str, digest: str) -> QuarantineKey:
        return QuarantineKey(
            tenant=TenantId(self.tenant),
            collection=self.collection,
            source=source,
            document=DocumentId(document),
            digest=Digest(digest),
        )
