"""Sign batches of chunks: one Ed25519 signature over the Merkle root of each source's chunks."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ...core.chunk import Chunk
from ...core.errors import UsageError, VectorError
from ...core.settings import ProvenanceSettings
from .envelope import BatchStatement, seal
from .keys import SigningKeys, key_id, public_pem
from .log.logged_registry import LoggedRegistry
from .merkle import build_tree
from .proof import ChunkProof, chunk_leaf
from .registry import SourceRegistry
from .sketch import sketch_vectors


class BatchSigner:
    """Signs chunks with the key of their source, or with a reviewer's key.

    Keys and sources are registered on first use: who may run an ingest into a state folder may name
    its sources (docs/adr/0003-batch-signing.md).
    """

    def __init__(self, state_dir: Path, settings: ProvenanceSettings | None = None) -> None:
        self._keys = SigningKeys(state_dir)
        self._registry = SourceRegistry(state_dir)
        self._settings = settings or ProvenanceSettings()
        self._logged = LoggedRegistry(state_dir, self._settings.log)

    def sign(
        self, chunks: Sequence[Chunk], *, collection_uid: str, reviewer: str = ""
    ) -> list[ChunkProof]:
        """Return one proof a chunk, in order; each (tenant, source) makes one signed batch.

        Raises `VectorError` for a chunk without a vector, `InputError` for one that has no
        canonical form, `UsageError` for no chunks.
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
        # After the envelopes: what a kill leaves between the two is logged with the next batch.
        self._logged.sync()
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
        trusted = not any(fnmatchcase(source, each) for each in self._settings.untrusted_sources)
        self._registry.register(tenant, source, trusted=trusted)
        name = f"reviewer/{reviewer}" if reviewer else f"source/{source}"
        key = self._keys.key(f"{tenant}/{name}")
        signed_by = key_id(key.public_key())
        self._registry.add_key(signed_by, tenant, name, public_pem(key.public_key()))
        statement = BatchStatement(
            tenant=tenant,
            source=source,
            collection_uid=collection_uid,
            root=root.hex(),
            tree_size=size,
            key_id=signed_by,
            signed_at=int(time.time()),
            reviewer=reviewer,
        )
        sealed = seal(statement, key)
        envelope_id = hashlib.sha256(sealed.encode()).hexdigest()[:32]
        self._registry.add_envelope(
            envelope_id, (tenant, collection_uid, source), signed_by, sealed
        )
        return envelope_id

    def withdraw(self, scope: tuple[str, str, str], document: str) -> None:
        """Log that a document is withdrawn; ``scope`` is (tenant, collection uid, source)."""
        self._logged.remove_document(scope, document)

    def close(self) -> None:
        """Close the registry and the log."""
        self._logged.close()
        self._registry.close()


def _stacked(chunks: Sequence[Chunk]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    for chunk in chunks:
        if chunk.vector is None:
            raise VectorError(f"chunk {chunk.id} cannot be signed: embed it first")
    return np.stack([chunk.vector for chunk in chunks if chunk.vector is not None])
