"""The poisoning signals as a LlamaIndex transform, after the embedding and before the signature.

IngestionPipeline(
transformations=[splitter, ScanTransform(...), embedding,
PoisoningSignalsTransform(settings, events, **named,
parts=SignalParts(signer=signer, neighbours=store)),
ProvenanceTransform(signer, **named)],
vector_store=store,
)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, TransformComponent

from ..core.events import EventSink
from ..core.settings import Settings
from ..ingest.collection_screening import CollectionScreening, ScreenedCollection
from ..ingest.probation import Probation
from ..ingest.provenance import BatchSigner
from ..ingest.quarantine import Quarantine
from ..ingest.signals import Baseline, Neighbours
from ..ingest.signals.baseline import BASELINE_FOLDER
from ..ingest.signals.catalogue import signals_version
from ..ingest.signals.surroundings import IsNew
from .llama_holding import NodeHolding
from .llama_measured import documents_in
from .llama_neighbours import embedded_by, neighbours_in
from .llama_nodes import collection_named, require_embedded
from .llama_screening import NodeScreening, Withdraw, keep_stored
from .llama_store import GuardedVectorStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalParts:
    """What the poisoning signals work with in a LlamaIndex pipeline; each part may be missing.

    ``signer`` knows which sources are in probation, or ``is_new`` tells it of a source in its
    place; with neither all are. ``neighbours`` is the pipeline's guarded store, or any search:
    without one a copy with a swapped fact is found within a batch only. ``embedding`` is the
    pipeline's model: without it ``hubness`` has no shipped queries to measure by. Held documents
    go to ``quarantine``, and what a person decided there counts. ``withdraw`` is told of each
    version that is held or of a burst and that the store may serve since an earlier call;
    `ProvenanceTransform.withdraw_version` is one.
    """

    signer: BatchSigner | None = None
    is_new: IsNew | None = None
    neighbours: GuardedVectorStore | Neighbours | None = None
    embedding: BaseEmbedding | None = None
    quarantine: Quarantine | None = None
    withdraw: Withdraw = keep_stored


class PoisoningSignalsTransform(TransformComponent):
    """Drops the nodes of documents that the poisoning signals hold, and marks those they flag.

    Comes after the embedding and before `ProvenanceTransform`, which signs the mark (metadata
    ``signals``) for retrieval to read. A call must have all nodes of each of its documents. It
    compares with the baseline of tenant and collection in the state folder, read anew and saved by
    each call, and learns what passes before the store has it.

    A call that LlamaIndex's cache answers measures and teaches nothing: the same texts get what
    they got before, whatever a person decided or was learned since. Clear that cache, or run
    without one (``disable_cache=True``), to have them judged again. Give ``num_workers`` no number:
    workers are sent neither quarantine nor store, and a call without them fails.

    What an earlier call let in, and a later document shows to be of a burst, is in the store, which
    is out of reach: the event ``ingest.to_take_back`` names each such document, and
    `SignalParts.withdraw` is told.
    """

    tenant: str
    source: str
    collection: str
    version: str

    _settings: Settings = PrivateAttr()
    _events: EventSink = PrivateAttr()
    _parts: SignalParts = PrivateAttr()
    _neighbours: Neighbours | None = PrivateAttr(default=None)

    def __init__(
        self,
        settings: Settings,
        events: EventSink,
        *,
        tenant: str,
        source: str,
        collection: str,
        parts: SignalParts | None = None,
    ) -> None:
        told = {"tenant": tenant, "source": source, "collection": collection}
        signals = settings.signals
        version = "|".join([signals_version(signals.off), *sorted(signals.flag_only)])
        super().__init__(**told, version=version)  # type: ignore[call-arg]
        self._settings = settings
        self._events = events
        self._parts = parts or SignalParts()
        near = self._parts.neighbours
        if isinstance(near, GuardedVectorStore):
            near = neighbours_in(near, tenant, collection)
        self._neighbours = near

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "RagbastionPoisoningSignalsTransform"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Return the nodes of documents that are not held, in order.

        Raises `ProvenanceError` for a node that is not embedded, and what ``neighbours`` raises.
        """
        if not nodes:
            return nodes
        require_embedded(nodes, "PoisoningSignalsTransform")
        # A user whose model gives no unit vectors switches that signal off.
        directions = "vector_norm" in self._settings.signals.off
        documents = documents_in(nodes, self.source, directions=directions)
        admitted = self._screening().admitted(documents)
        passed = {id(node) for each in admitted for node in each.nodes}
        return [node for node in nodes if id(node) in passed]

    def _screening(self) -> NodeScreening:
        holding = NodeHolding(
            tenant=self.tenant,
            source=self.source,
            collection=self.collection,
            events=self._events,
            quarantine=self._parts.quarantine,
        )
        is_new = self._is_new()
        collection = ScreenedCollection(
            name=self.collection,
            baseline=self._baseline(),
            neighbours=self._neighbours,
            is_new=is_new,
        )
        screening = CollectionScreening(collection, self._settings.signals, holding.tell)
        return NodeScreening(screening, holding, is_new, self._parts.withdraw)

    def _baseline(self) -> Baseline:
        """Read what was learned: another transform of the collection may have learned meanwhile."""
        folder = self._settings.state_dir / BASELINE_FOLDER
        baseline = Baseline.open(folder, self.tenant, collection_named(self.collection).uid)
        embedding = self._parts.embedding
        wanted = embedding is not None and "hubness" not in self._settings.signals.off
        if embedding is not None and wanted and not len(baseline.probes.vectors):
            baseline.probes.set_vectors(embedded_by(embedding))
        return baseline

    def _is_new(self) -> IsNew:
        """Return what tells of a source whether it is in probation; asked for anew by each call."""
        parts, limits = self._parts, self._settings.retrieval
        if parts.is_new is not None:
            return parts.is_new
        if parts.signer is None:
            return lambda _: True
        probation = Probation(
            parts.signer.sources(self.tenant),
            days=limits.probation_days,
            founding_days=limits.founding_days,
        )
        return lambda source: probation.covers(source, time.time())
