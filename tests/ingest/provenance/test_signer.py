"""What a signature says of a batch: its documents, and how they came to be."""

from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.core.chunk import Chunk, DocumentId
from ragbastion.core.errors import InputError, UsageError, VectorError
from ragbastion.ingest.provenance import (
    BatchFacts,
    BatchSigner,
    DocumentFacts,
    SourceRegistry,
)
from ragbastion.ingest.provenance.envelope import open_sealed
from ragbastion.ingest.provenance.statement import BatchStatement

from .conftest import COLLECTION_UID, make_chunks


def _statement(state: Path, envelope_id: str) -> BatchStatement:
    registry = SourceRegistry(state)
    kept = registry.envelope(envelope_id)
    assert kept is not None
    key = registry.key(kept[1])
    assert key is not None
    return open_sealed(kept[0], key.public_pem)


def _of(document: str, chunks: list[Chunk]) -> list[Chunk]:
    return [replace(chunk, document=DocumentId(document)) for chunk in chunks]


def test_documents_are_listed_with_their_leaves(tmp_path: Path, signer: BatchSigner) -> None:
    """A run of chunks of one document is one entry, with what ingestion knew of it."""
    own = make_chunks(6)
    chunks = [*_of("a", own[:3]), *_of("b", own[3:5]), *_of("a", own[5:])]
    facts = BatchFacts(chunker="c@1", scanners=("s@1",))
    known = {("wiki", "b"): DocumentFacts(loader="text/plain@1", decision="allow")}
    [proof, *_] = signer.sign(chunks, collection_uid=COLLECTION_UID, facts=facts, documents=known)
    signed = _statement(tmp_path, proof.envelope).facts
    assert [(d.name, d.first_leaf, d.leaves) for d in signed.documents] == [
        ("a", 0, 3),
        ("b", 3, 2),
        ("a", 5, 1),
    ]
    assert [document.facts.loader for document in signed.documents] == ["", "text/plain@1", ""]
    assert (signed.chunker, signed.scanners) == ("c@1", ("s@1",))


def test_facts_of_another_source_are_not_taken(tmp_path: Path, signer: BatchSigner) -> None:
    """Two sources may have documents of one name."""
    chunks = [*make_chunks(1, source="a"), *make_chunks(1, source="b")]
    known = {("a", "doc0"): DocumentFacts(loader="x")}
    proofs = signer.sign(chunks, collection_uid=COLLECTION_UID, documents=known)
    loaders = [
        document.facts.loader
        for proof in proofs
        for document in _statement(tmp_path, proof.envelope).facts.documents
    ]
    assert loaders == ["x", ""]


def test_a_large_batch_becomes_several_trees(tmp_path: Path, signer: BatchSigner) -> None:
    """Each has its own envelope, and the leaves of its documents count from its own start."""
    proofs = signer.sign(make_chunks(1030), collection_uid=COLLECTION_UID)
    envelopes = list(dict.fromkeys(proof.envelope for proof in proofs))
    statements = [_statement(tmp_path, envelope) for envelope in envelopes]
    assert [statement.tree_size for statement in statements] == [1024, 6]
    assert [statement.facts.documents[0].first_leaf for statement in statements] == [0, 0]


def test_nothing_is_signed_by_halves(signer: BatchSigner, tmp_path: Path) -> None:
    """A chunk that cannot be signed leaves no envelope of its batch behind."""
    chunks = make_chunks(3)
    for bad, error in (
        (replace(chunks[1], vector=None), VectorError),
        (replace(chunks[1], vector=chunks[1].vector * 0), VectorError),  # type: ignore[operator]
        (replace(chunks[1], text="\ud800"), InputError),
    ):
        with pytest.raises(error):
            signer.sign([chunks[0], bad, chunks[2]], collection_uid=COLLECTION_UID)
    with pytest.raises(UsageError):
        signer.sign([], collection_uid=COLLECTION_UID)
    assert SourceRegistry(tmp_path).source_count("acme", COLLECTION_UID) == 0
