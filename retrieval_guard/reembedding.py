"""The re-embedding audit: whether a chunk's vector is what its model makes of its text.

A signature says that nobody changed text and vector since, and not that the one was ever made from
the other: a loader of vectors that was bribed, or who holds a source's key, can sign any vector
with any text, and the sketch lets a vector turn a little. Here the model itself is asked.

- INVARIANT: only what verifies is compared, when it is drawn and again when it is embedded.
- INVARIANT: a drawn chunk is counted once: as matching, as mismatched, or as not comparable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.chunk import Chunk, ChunkId, Matrix, TenantId, checked_matrix
from ..core.embedding import Embedder, EmbedderIdentity, model_digest
from ..core.errors import IsolationError, ProvenanceError, SealError, VectorError
from ..core.store import CollectionInfo, StoredPoint, VectorStore
from ..ingest.provenance import ChunkProof, ChunkVerifier, EmbedderFacts, from_point
from .reembedding_report import (
    MAX_ANGLE_DEGREES,
    MAX_LISTED,
    ReembeddingFinding,
    ReembeddingReport,
    VectorMatch,
)
from .sampling import Drawn, Reservoir

_BATCH = 256


class Reembedding:
    """Embeds the texts of drawn chunks again and compares; made for one collection and one run."""

    def __init__(
        self,
        store: VectorStore,
        verifier: ChunkVerifier,
        embedder: Embedder,
        collection: CollectionInfo,
    ) -> None:
        embedder.identity.require(collection.embedder, collection.name)
        self._store = store
        self._verifier = verifier
        self._embedder = embedder
        self._collection = collection
        self._dimension = collection.embedder.dimension
        self._problems: dict[str, str] = {}
        self._counts = dict.fromkeys(VectorMatch, 0)
        self._findings: list[ReembeddingFinding] = []
        self._largest = 0.0

    def audit(self, sample: Reservoir[Drawn]) -> ReembeddingReport:
        """Read the drawn chunks again, compare them with the model's vectors, and report."""
        by_tenant: dict[TenantId, list[ChunkId]] = defaultdict(list)
        for tenant, point in sample.drawn():
            by_tenant[tenant].append(point)
        for tenant, ids in sorted(by_tenant.items()):
            for start in range(0, len(ids), _BATCH):
                self._compare(list(self._comparable(tenant, ids[start : start + _BATCH])))
        return ReembeddingReport(
            model=self._embedder.identity.model,
            model_digest=model_digest(self._embedder),
            seed=sample.seed,
            population=sample.offered,
            counts=self._counts,
            largest_angle_degrees=self._largest,
            findings=tuple(self._findings),
        )

    def _comparable(self, tenant: TenantId, ids: Sequence[ChunkId]) -> Iterator[Chunk]:
        """Yield those chunks that still verify and whose envelope names this model."""
        points = {point.id: point for point in self._points(tenant, ids)}
        for each in ids:
            if each not in points:
                self._note_changed(tenant, each, "the store no longer gives it out")
        for chunk, proof, label in self._verified(tenant, points.values()):
            if isinstance(label, ProvenanceError):
                self._note_changed(tenant, chunk.id, str(label), chunk.source)
            elif problem := self._problem_of(proof):
                self._note(chunk, VectorMatch.NOT_COMPARABLE, problem)
            elif chunk.vector is None or len(chunk.vector) != self._dimension:
                self._note(chunk, VectorMatch.MISMATCHED, "its vector has another length")
            else:
                yield label

    def _points(self, tenant: TenantId, ids: Sequence[ChunkId]) -> list[StoredPoint]:
        try:
            return self._store.get(self._collection.name, tenant, ids)
        except (IsolationError, SealError):
            if len(ids) == 1:
                return []
            # One that may no longer leave must not hide the others.
            return [point for each in ids for point in self._points(tenant, [each])]

    def _verified(
        self, tenant: TenantId, points: Iterable[StoredPoint]
    ) -> Iterator[tuple[Chunk, ChunkProof | None, Chunk | ProvenanceError]]:
        pairs = []
        for point in points:
            try:
                pairs.append(from_point(point))
            except ProvenanceError as error:
                self._note_changed(tenant, point.id, str(error))
        labels = self._verifier.verify_batch(
            pairs, collection_uid=self._collection.uid, collection=self._collection.name
        )
        for (chunk, proof), label in zip(pairs, labels, strict=True):
            yield chunk, proof, label

    def _problem_of(self, proof: ChunkProof | None) -> str:
        """Return why vectors of an envelope are not comparable with this model's, or ""."""
        envelope = proof.envelope if proof else ""
        if envelope not in self._problems:
            statement, why = self._verifier.standing(envelope)
            self._problems[envelope] = (
                not_the_model(statement.facts.embedder, self._embedder) if statement else why
            )
        return self._problems[envelope]

    def _compare(self, chunks: Sequence[Chunk]) -> None:
        for group, own in self._embedded(chunks):
            stored = np.stack([np.asarray(chunk.vector, dtype=np.float32) for chunk in group])
            for chunk, angle in zip(group, angles_degrees(stored, own).tolist(), strict=True):
                self._judge(chunk, angle)

    def _judge(self, chunk: Chunk, angle: float) -> None:
        self._largest = max(self._largest, angle)
        if angle <= MAX_ANGLE_DEGREES:
            self._counts[VectorMatch.MATCHING] += 1
        else:
            reason = "its vector is not the one that the model makes of its text: ingest it again"
            self._note(chunk, VectorMatch.MISMATCHED, reason, angle)

    def _embedded(self, chunks: Sequence[Chunk]) -> Iterator[tuple[Sequence[Chunk], Matrix]]:
        """Yield chunks with the model's vectors; what it cannot embed is not comparable."""
        if not chunks:
            return
        try:
            vectors = self._embedder.embed([chunk.text for chunk in chunks])
            matrix = checked_matrix(vectors, self._dimension)
            if len(matrix) != len(chunks):
                raise VectorError("the model gave another number of vectors than texts")
        except VectorError as error:
            if len(chunks) == 1:
                self._note(chunks[0], VectorMatch.NOT_COMPARABLE, f"not embedded: {error}")
                return
            for chunk in chunks:
                yield from self._embedded([chunk])
        else:
            yield chunks, matrix

    def _note_changed(self, tenant: TenantId, point: ChunkId, why: str, source: str = "") -> None:
        self._counts[VectorMatch.NOT_COMPARABLE] += 1
        self._list(
            ReembeddingFinding(
                id=point,
                tenant=tenant,
                source=source,
                state=VectorMatch.NOT_COMPARABLE,
                reason=f"it changed while the audit ran: {why}",
            )
        )

    def _note(
        self, chunk: Chunk, state: VectorMatch, reason: str, angle: float | None = None
    ) -> None:
        self._counts[state] += 1
        cosine = None if angle is None else float(np.cos(np.radians(angle)))
        self._list(
            ReembeddingFinding(
                id=chunk.id,
                tenant=chunk.tenant,
                source=chunk.source,
                state=state,
                reason=reason,
                cosine=cosine,
                angle_degrees=angle,
            )
        )

    def _list(self, finding: ReembeddingFinding) -> None:
        if len(self._findings) < MAX_LISTED:
            self._findings.append(finding)


def not_the_model(signed: EmbedderFacts | None, embedder: Embedder) -> str:
    """Return why an embedder is not, or may not be, the signed model; "" if it is.

    The digest of the model's files decides; where none was signed, name and dimension.
    """
    if signed is None:
        return "its envelope names no model: its vector was brought, or signed past ingestion"
    own, digest = embedder.identity, model_digest(embedder)
    if signed.digest and digest:
        same = signed.digest == digest and signed.dimension == own.dimension
        return "" if same else f"it was embedded by other files of a model named {signed.model!r}"
    if EmbedderIdentity(model=signed.model, dimension=signed.dimension) != own:
        return f"it was embedded by {signed.model!r} with {signed.dimension} dimensions"
    if signed.digest:
        return "its envelope holds the digest of its model, and this one does not tell its own"
    return ""


def angles_degrees(left: Matrix, right: Matrix) -> NDArray[np.float64]:
    """Return the angles between rows (n, d); exact also near 0, where an arc cosine is not."""
    a, b = (_units(each) for each in (left, right))
    apart, along = (np.linalg.norm(each, axis=1) for each in (a - b, a + b))
    angles: NDArray[np.float64] = np.degrees(2 * np.arctan2(apart, along))
    return angles


def _units(vectors: Matrix) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    units: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return units
