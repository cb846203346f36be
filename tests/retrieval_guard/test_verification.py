"""What fails verification, belongs to a revoked source or is refused by the trust policy goes."""

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.core.store import CollectionInfo, Hit
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkVerifier,
    SourceAdmin,
    chunk_id,
    to_point,
)
from ragbastion.retrieval_guard.results import Dropped
from ragbastion.retrieval_guard.verification import Verification

INFO = CollectionInfo(
    name="handbook", uid="uid", embedder=EmbedderIdentity(model="m", dimension=64)
)


@pytest.fixture
def hits(tmp_path: Path) -> list[Hit]:
    """Return a signed hit of 'wiki', one of 'hr', and one that only claims to be of 'wiki'."""
    vector = np.ones(64, np.float32) / 8
    chunks = [
        Chunk(
            id=chunk_id(("acme", INFO.uid, source), "d", at, "text"),
            text="text",
            tenant=TenantId("acme"),
            source=source,
            document=DocumentId("d"),
            document_digest=Digest("ab" * 32),
            position=at,
            vector=vector,
        )
        for at, source in enumerate(("wiki", "hr", "wiki"))
    ]
    proofs = BatchSigner(tmp_path).sign(chunks[:2], collection_uid=INFO.uid)
    pairs = zip(chunks, [*proofs, None], strict=True)
    return [Hit(point=to_point(chunk, proof), score=0.5) for chunk, proof in pairs]


def _seen(verification: Verification, hits: list[Hit]) -> list[str]:
    """Return the label of what passes, and the reason of what does not."""
    return [
        each.reason if isinstance(each, Dropped) else str(each.chunk.integrity)
        for each in verification(hits, "acme", INFO)
    ]


def test_an_unsigned_chunk_passes_where_that_is_allowed(tmp_path: Path, hits: list[Hit]) -> None:
    """And says that it is unverified."""
    verification = Verification(ChunkVerifier(tmp_path), Integrity.UNVERIFIED)
    assert _seen(verification, hits) == ["trusted", "trusted", "unverified"]


def test_what_claims_a_revoked_source_goes_with_it(tmp_path: Path, hits: list[Hit]) -> None:
    """Signed or not, and even where unsigned chunks are allowed."""
    verification = Verification(ChunkVerifier(tmp_path), Integrity.UNVERIFIED)
    admin = SourceAdmin(tmp_path, MemoryEventSink(), principal="root")
    admin.revoke_source("acme", "wiki", "poisoned")
    signed, other, claimed = _seen(verification, hits)
    assert "is of a source that is revoked" in signed
    assert other == "trusted"
    assert "is unsigned" in claimed


def test_a_policy_is_asked_by_the_collections_name(tmp_path: Path, hits: list[Hit]) -> None:
    """As the store names it."""
    policy = tmp_path / "trust.toml"
    policy.write_text(
        'version = 1\ndefault = "refuse"\n[[rule]]\ncollections = ["handbook"]\nsources = ["hr"]\n'
    )
    verifier = ChunkVerifier(tmp_path, ProvenanceSettings(trust_policy=policy))
    refused, allowed = _seen(Verification(verifier, Integrity.UNTRUSTED), hits[:2])
    assert "its source may not speak for this" in refused
    assert allowed == "trusted"
