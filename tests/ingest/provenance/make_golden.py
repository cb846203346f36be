"""Writes a state folder and its points as the code of today makes them: ``golden/<version>/``.

    python tests/ingest/provenance/make_golden.py VERSION

Run once when a version of the format is finished, never again for that version: points that are in
stores do not change either. Keys and clock are fixed, so the same code writes the same bytes. The
files of ``v1`` come from the last commit that wrote version 1.
"""

import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.ingest.provenance import (
    BatchFacts,
    BatchSigner,
    DocumentFacts,
    EmbedderFacts,
    chunk_id,
    to_point,
)

GOLDEN = Path(__file__).parent / "golden"
UID = "00000000-0000-4000-8000-000000000001"
TENANT, SOURCE, REVIEWER = "acme", "wiki", "dana"
CLOCK = 1_780_000_000.0
TEXTS = (
    "plain ASCII",
    "Zo\u00eb, in one code point",
    "Zoe\u0308, in two",
    "right to left: \u202eevil\u202c, \u05e9\u05dc\u05d5\u05dd",
    "beyond the plane: \U0001f512",
    "control:\x00\x1f\t\n and a tag \U000e0041",
    "x" * 4000,
)
METADATA = (
    {},
    {"title": "A title", "start": 0, "end": 1000, "flags": [], "signals": ["density"]},
    {"b": 1, "a": 2, "\u20ac": 3, "\U0001f600": 4, "\ufb33": 5},
    {"whole": 2.0, "small": 1e-7, "large": 1e21, "tenth": 0.1, "minus zero": -0.0},
    {"nan": float("nan"), "infinite": float("inf"), "long": 2**60, "none": None, "yes": True},
    {"nested": {"list": [1, "two", {"three": 3}], "quote": 'a"b\\c', "line": "a\nb\u2028"}},
    {"author": "\u202eeve", "empty": ""},
)

FACTS = BatchFacts(
    ingested_at=int(CLOCK) - 1,
    embedder=EmbedderFacts(model="golden", dimension=48, digest="ab" * 32),
    chunker="chunking@1:200/20",
    scanners=("admission@1", "density@2"),
)
DOCUMENTS = {
    (SOURCE, "doc 0"): DocumentFacts(loader="text/html@0.1.0", decision="allow"),
    (SOURCE, "doc 1"): DocumentFacts(
        loader="text/plain@0.1.0", decision="flag", kinds=("outlier.density",)
    ),
}


def chunks(count: int) -> list[Chunk]:
    """Return chunks of a few documents whose texts, metadata and vectors are of many kinds."""
    vectors = np.random.default_rng(11).standard_normal((count, 48)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [_chunk(at, vectors[at]) for at in range(count)]


def _chunk(at: int, vector: np.ndarray) -> Chunk:
    document, position = f"doc {at // 3}", at % 3
    text = TEXTS[at % len(TEXTS)]
    return Chunk(
        id=chunk_id((TENANT, UID, SOURCE), document, position, text),
        text=text,
        tenant=TenantId(TENANT),
        source=SOURCE,
        document=DocumentId(document),
        document_digest=Digest(hashlib.sha256(document.encode()).hexdigest()),
        position=position,
        metadata=METADATA[at % len(METADATA)],
        vector=vector,
    )


def write(folder: Path) -> None:
    """Write ``registry.sql`` and ``points.json``: trees of 1, 2, 7 and, by a reviewer, 3 chunks."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        points = _signed(Path(state))
        with sqlite3.connect(Path(state) / "provenance.db") as database:
            (folder / "registry.sql").write_text("\n".join(database.iterdump()) + "\n")
    (folder / "points.json").write_text(json.dumps(points, indent=1, sort_keys=True) + "\n")


def _signed(state: Path) -> list[dict[str, object]]:
    for name in (f"source/{SOURCE}", f"reviewer/{REVIEWER}"):
        _fix_key(state, f"{TENANT}/{name}")
    time.time = lambda: CLOCK
    signer, points = BatchSigner(state), []
    for size, reviewer in ((1, ""), (2, ""), (7, ""), (3, REVIEWER)):
        batch = chunks(size)
        proofs = signer.sign(
            batch, collection_uid=UID, reviewer=reviewer, facts=FACTS, documents=DOCUMENTS
        )
        points += [to_point(*each) for each in zip(batch, proofs, strict=True)]
    signer.close()
    return [
        {"id": each.id, "vector": [float(x) for x in each.vector], "payload": dict(each.payload)}
        for each in points
    ]


def key_of(name: str) -> Ed25519PrivateKey:
    """Return the key that a name itself seeds; it protects nothing."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def _fix_key(state: Path, name: str) -> None:
    """Put a name's key where the signer looks for it."""
    key = key_of(name)
    (state / "keys").mkdir(mode=0o700, exist_ok=True)
    path = state / "keys" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)


if __name__ == "__main__":
    write(GOLDEN / sys.argv[1])
