"""Writes ``vectors/v2.json``: what each step of the formats makes of the golden chunks.

    python tests/ingest/provenance/make_vectors.py

For whoever writes another implementation; docs/provenance_formats.md says what the steps are.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from make_golden import DOCUMENTS, FACTS, SOURCE, TENANT, UID, chunks, key_of
from ragbastion.core.chunk import Chunk
from ragbastion.ingest.provenance import ChunkProof
from ragbastion.ingest.provenance.canonical_metadata import canonical_metadata, storable_metadata
from ragbastion.ingest.provenance.envelope import PAYLOAD_TYPE, seal
from ragbastion.ingest.provenance.keys import key_id
from ragbastion.ingest.provenance.leaf import chunk_leaf, encoded_leaf
from ragbastion.ingest.provenance.merkle import build_tree
from ragbastion.ingest.provenance.secure_sketch import STEP_ANGLE, bind_vectors
from ragbastion.ingest.provenance.signer import _documents
from ragbastion.ingest.provenance.statement import BatchStatement

FILE = Path(__file__).parent / "vectors" / "v2.json"
SIZE = 7


def build() -> dict[str, Any]:
    """Return the chunks with their bytes at each step, the tree, and its envelope."""
    own = chunks(SIZE)
    sketches = [bind_vectors(chunk.vector[None, :])[0] for chunk in own]
    leaves = [chunk_leaf(c, UID, s) for c, s in zip(own, sketches, strict=True)]
    root, paths = build_tree(leaves)
    envelope = _envelope(root, own)
    told = []
    for index, (chunk, sketch, leaf) in enumerate(zip(own, sketches, leaves, strict=True)):
        proof = ChunkProof(
            envelope=envelope["id"], index=index, path=tuple(paths[index]), sketch=sketch
        )
        told.append({**_chunk(chunk, sketch), "leafHash": leaf.hex(), **_proof(proof)})
    return {"collectionUid": UID, "chunks": told, "envelope": envelope}


def _chunk(chunk: Chunk, sketch: bytes) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "tenant": chunk.tenant,
        "source": chunk.source,
        "document": chunk.document,
        "documentDigest": chunk.document_digest,
        "position": chunk.position,
        "text": chunk.text,
        "textSha256": hashlib.sha256(chunk.text.encode()).hexdigest(),
        "metadata": storable_metadata(chunk.metadata),
        "metadataBytes": canonical_metadata(chunk.metadata).hex(),
        "vector": [float(x) for x in chunk.vector],
        "grid": _grid(chunk.vector),
        "sketch": sketch.hex(),
        "leafBytes": encoded_leaf(chunk, UID, sketch).hex(),
    }


def _grid(vector: np.ndarray) -> list[int]:
    exact = vector.astype(np.float64)
    return np.rint(exact / np.linalg.norm(exact) * np.sqrt(len(vector)) / STEP_ANGLE).astype(int)


def _proof(proof: ChunkProof) -> dict[str, Any]:
    return {
        "proof": {"index": proof.index, "path": [node.hex() for node in proof.path]},
        "payload": proof.as_payload(),
    }


def _envelope(root: bytes, own: list[Chunk]) -> dict[str, Any]:
    key = key_of(f"{TENANT}/source/{SOURCE}")
    public = key.public_key()
    statement = BatchStatement(
        tenant=TENANT,
        source=SOURCE,
        collection_uid=UID,
        root=root.hex(),
        tree_size=SIZE,
        key_id=key_id(public),
        signed_at=1_780_000_000,
        facts=type(FACTS)(
            ingested_at=FACTS.ingested_at,
            embedder=FACTS.embedder,
            chunker=FACTS.chunker,
            scanners=FACTS.scanners,
            documents=_documents(own, DOCUMENTS),
        ),
    )
    payload, sealed = rfc8785.dumps(statement.as_statement()), seal(statement, key)
    signed = b"DSSEv1 %d %s %d %s" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )
    return {
        "publicKey": public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "keyId": key_id(public),
        "root": root.hex(),
        "treeSize": SIZE,
        "signedBytes": signed.hex(),
        "json": sealed,
        "id": hashlib.sha256(sealed.encode()).hexdigest()[:32],
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(build(), indent=1, default=np.ndarray.tolist) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
