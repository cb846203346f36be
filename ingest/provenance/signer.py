"""Sign batches of chunks: one Ed25519 signature over the Merkle root of each source's chunks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.chunk import Chunk
from ...core.errors import UsageError, VectorError
from ...core.events import EventSink, LoggingEventSink
from ...core.settings import ProvenanceSettings
from .envelope import BatchStatement, seal
from .merkle import build_tree
from .proof import ChunkProof, chunk_leaf
from .registry import SourceRegistry
from .sketch import sketch_vectors
from .source_keys import SourceKeys


class BatchSigner:
    """Signs chunks with the key of their source, or with a reviewer's key.

    Keys and sources are registered on first use unless ``open_sources`` is "by-hand": who may run
    an ingest into a state folder may then name its sources (docs/adr/0003-batch-signing.md).
    """

    def __init__(
        self,
        state_dir: Path,
        settings: ProvenanceSettings | None = None,
        events: EventSink | None = None,
    ) -> None:
        self._registry = SourceRegistry(state_dir)
        self._keys = SourceKeys(
            state_dir,
            self._registry,
            settings or ProvenanceSettings(),
            events or LoggingEventSink(),
        )

    def sign(
        self, chunks: Sequence[Chunk], *, collection_uid: str, reviewer: str = ""
    ) -> list[ChunkProof]:
        """Return one proof a chunk, in order; each (tenant, source) makes one signed batch.

        Raises `VectorError` for a chunk without a vector, `InputError` for one that has no
        canonical form, `UsageError` for no chunks, `ProvenanceError` where nobody may sign for the
        source now.
        """
        if not chunks:
            raise UsageError("nothing to sign: the batch is empty")
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, chunk in enumerate(chunks):
            groups[chunk.tenant, chunk.source].append(at)
        proofs: dict[int, ChunkProof] = {}
        for members in groups.values():
            signed = self._sign_source([chunks[at] for at in members], collection_uid, reviewer)
            proofs.update(zip(members, signed, strict=True))
        return [proofs[at] for at in range(len(chunks))]

    def _sign_source(
        self, chunks: Sequence[Chunk], collection_uid: str, reviewer: str
    ) -> list[ChunkProof]:
        sketches = [sketch.tobytes() for sketch in sketch_vectors(_stacked(chunks))]
        leaves = [
            chunk_leaf(chunk, collection_uid, sketch)
            for chunk, sketch in zip(chunks, sketches, strict=True)
        ]
        root, paths = build_tree(leaves)
        envelope_id = self._seal(chunks[0], collection_uid, reviewer, root, len(leaves))
        return [
            ChunkProof(envelope=envelope_id, index=index, path=tuple(path), sketch=sketch)
            for index, (path, sketch) in enumerate(zip(paths, sketches, strict=True))
        ]

    def _seal(
        self, first: Chunk, collection_uid: str, reviewer: str, root: bytes, size: int
    ) -> str:
        tenant, source = first.tenant, first.source
        key = self._keys.signer(tenant, source, reviewer)
        statement = BatchStatement(
            tenant=tenant,
            source=source,
            collection_uid=collection_uid,
            root=root.hex(),
            tree_size=size,
            key_id=key.key_id,
            signed_at=self._keys.time_of(key, tenant, source),
            reviewer=reviewer,
        )
        sealed = seal(statement, key)
        envelope_id = hashlib.sha256(sealed.encode()).hexdigest()[:32]
        self._registry.add_envelope(
            envelope_id, (tenant, collection_uid, source), key.key_id, sealed
        )
        return envelope_id

    def close(self) -> None:
        """Close the registry."""
        self._registry.close()


def _stacked(chunks: Sequence[Chunk]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    for chunk in chunks:
        if chunk.vector is None:
            raise VectorError(f"chunk {chunk.id} cannot be signed: embed it first")
    return np.stack([chunk.vector for chunk in chunks if chunk.vector is not None])
