"""Signing and verifying chunks: one signature a batch against one Ed25519 signature a chunk.

python benchmarks/provenance.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, chunk_id
from ragbastion.ingest.provenance.proof import chunk_leaf
from ragbastion.ingest.provenance.sketch import sketch_vectors
from report import print_table, write_bars, write_json

UID = "bench"
SEED = 7
REPEATS = 5


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(make_chunks(options.chunks), options.batch, Path(folder))
    print_table("Chunks per second, median of five", rows)
    write_json(options.out, "provenance", {"rows": rows, "batch": options.batch}, seed=SEED)
    series = {row["what"]: {"sign": row["sign/s"], "verify": row["verify/s"]} for row in rows}
    write_bars(options.out, "provenance", "Signing and verifying", series, "chunks per second")


def make_chunks(count: int) -> list[Chunk]:
    """Return chunks of 1,000 characters with 384-dimensional unit vectors."""
    vectors = np.random.default_rng(SEED).standard_normal((count, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Chunk(
            id=chunk_id(("t", UID, "s"), f"d{at}", 0, f"{at}"),
            text=f"{at} ".ljust(1000, "x"),
            tenant=TenantId("t"),
            source="s",
            document=DocumentId(f"d{at}"),
            document_digest=Digest("0" * 64),
            position=0,
            metadata={"title": "A title", "start": 0, "end": 1000},
            vector=vectors[at],
        )
        for at in range(count)
    ]


def measure(chunks: list[Chunk], batch: int, folder: Path) -> list[dict[str, object]]:
    """Return one row for batches and one for a signature a chunk."""
    signer, verifier = BatchSigner(folder), ChunkVerifier(folder)
    batches = [chunks[at : at + batch] for at in range(0, len(chunks), batch)]
    proofs = [proof for each in batches for proof in signer.sign(each, collection_uid=UID)]
    pairs = list(zip(chunks, proofs, strict=True))
    ours = {
        "what": f"a signature for {batch} chunks",
        "sign/s": rate(
            len(chunks), lambda: [signer.sign(each, collection_uid=UID) for each in batches]
        ),
        "verify/s": rate(len(chunks), lambda: verifier.verify_batch(pairs, collection_uid=UID)),
        "proof bytes": statistics.median(len(json.dumps(each.as_payload())) for each in proofs),
    }
    peer = _signature_a_chunk(chunks)
    ratio = {
        "what": "ratio",
        "sign/s": ours["sign/s"] / peer["sign/s"],
        "verify/s": ours["verify/s"] / peer["verify/s"],
        "proof bytes": ours["proof bytes"] / peer["proof bytes"],
    }
    return [ours, peer, ratio]


def _signature_a_chunk(chunks: list[Chunk]) -> dict[str, object]:
    """Sign the same leaf of each chunk by itself, with the same canonical form."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()

    def leaf(chunk: Chunk) -> bytes:
        return chunk_leaf(chunk, UID, sketch_vectors(chunk.vector[None, :])[0].tobytes())

    signatures = [key.sign(leaf(chunk)) for chunk in chunks]
    return {
        "what": "a signature for each chunk",
        "sign/s": rate(len(chunks), lambda: [key.sign(leaf(chunk)) for chunk in chunks]),
        "verify/s": rate(
            len(chunks),
            lambda: [
                public.verify(signature, leaf(chunk))
                for chunk, signature in zip(chunks, signatures, strict=True)
            ],
        ),
        "proof bytes": 64 * 4 / 3 + 64 * 4 / 3,
    }


def rate(count: int, act: Callable[[], object]) -> float:
    """Return items per second, the median of five runs."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return count / statistics.median(seconds)


if __name__ == "__main__":
    main()
