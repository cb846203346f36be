"""Signed chunks to tamper with."""

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.ingest.provenance import BatchSigner, ChunkProof, ChunkVerifier, chunk_id

COLLECTION_UID = "uid-1"


def make_chunks(
    count: int, *, tenant: str = "acme", source: str = "wiki", dimension: int = 32
) -> list[Chunk]:
    """Return chunks with distinct texts and unit vectors."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Chunk(
            id=chunk_id((tenant, COLLECTION_UID, source), f"doc{at}", 0, f"text {at}"),
            text=f"text {at}",
            tenant=TenantId(tenant),
            source=source,
            document=DocumentId(f"doc{at}"),
            document_digest=Digest("ab" * 32),
            position=0,
            metadata={"title": "T", "page": 3, "weight": 2.0},
            vector=vectors[at],
        )
        for at in range(count)
    ]


@pytest.fixture
def signer(tmp_path: Path) -> BatchSigner:
    """A signer in an empty state folder."""
    return BatchSigner(tmp_path)


@pytest.fixture
def verifier(tmp_path: Path) -> ChunkVerifier:
    """A verifier over the same folder."""
    return ChunkVerifier(tmp_path)


@pytest.fixture
def signed(signer: BatchSigner) -> list[tuple[Chunk, ChunkProof]]:
    """Five chunks with their proofs."""
    chunks = make_chunks(5)
    return list(zip(chunks, signer.sign(chunks, collection_uid=COLLECTION_UID), strict=True))
