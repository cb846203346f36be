"""What provenance costs, against Ed25519 a chunk and against vectorpin, in one run.

    python benchmarks/provenance.py --data DIR --out benchmarks/results

Measured on one core in CPU time, the best of several rounds: signing, verifying with known
envelopes (from parsed chunks, and from stored points), batches of 100 whose envelope was never
seen, a retrieval of 20 hits with its reads of the registry; by the clock, waiting for the disk
included: signing's share of an ingestion of real text (``DIR/poison/clean_*.jsonl``) with the real
embedding model; and the bytes of a proof. vectorpin is measured if it can be imported.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy loads: one core

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.core.settings import Settings
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkProof,
    ChunkVerifier,
    chunk_id,
    from_point,
    to_point,
)
from ragbastion.ingest.provenance.leaf import chunk_leaf
from ragbastion.ingest.provenance.secure_sketch import bind_vectors
from report import print_table, write_bars, write_json

UID = "bench"
SEED = 7
REPEATS = 5
DIMENSION = 384
COLD_BATCH = 100
HITS = 20
RETRIEVALS, RETRIEVAL_ROUNDS = 25, 60

Pairs = list[tuple[Chunk, ChunkProof]]


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="real text; without it ingestion is left out")
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--documents", type=int, default=300, help="ingested with the real model")
    options = parser.parse_args()
    chunks = make_chunks(options.chunks)
    with tempfile.TemporaryDirectory() as folder:
        rows, pairs = compare(chunks, options.batch, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        costs = [*warm_costs(chunks, Path(folder)), *proof_sizes(pairs, Path(folder))]
    if options.data is not None:
        with tempfile.TemporaryDirectory() as folder:
            costs += ingestion(options.data / "poison", Path(folder), options.documents)
    print_table("Chunks per second on one core", rows)
    print_table("Costs", costs)
    results = {"rows": rows, "costs": costs, "batch": options.batch}
    write_json(options.out, "provenance", results, seed=SEED)
    series = {row["what"]: {"sign": row["sign/s"], "verify": row["verify/s"]} for row in rows}
    write_bars(options.out, "provenance", "Signing and verifying", series, "chunks per second")


def make_chunks(count: int) -> list[Chunk]:
    """Return chunks of 1,000 characters with unit vectors and the metadata that ingestion gives."""
    vectors = np.random.default_rng(SEED).standard_normal((count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Chunk(
            id=chunk_id(("t", UID, "s"), f"d{at // 4}", at % 4, f"{at}"),
            text=f"{at} ".ljust(1000, "x"),
            tenant=TenantId("t"),
            source="s",
            document=DocumentId(f"guides/d{at // 4}.md"),
            document_digest=Digest(f"{at // 4:064x}"),
            position=at % 4,
            metadata={
                "title": f"Title {at // 4}",
                "url": f"https://example.com/{at // 4}",
                "media_type": "text/markdown",
                "start": at % 4 * 1000,
                "end": at % 4 * 1000 + 1000,
                "flags": [],
                "signals": [],
            },
            vector=vectors[at],
        )
        for at in range(count)
    ]


def compare(chunks: list[Chunk], batch: int, folder: Path) -> tuple[list[dict[str, Any]], Pairs]:
    """Return one row a way of signing, and our pairs of chunk and proof."""
    signer, verifier = BatchSigner(folder), ChunkVerifier(folder)
    batches = [chunks[at : at + batch] for at in range(0, len(chunks), batch)]
    proofs = [proof for each in batches for proof in signer.sign(each, collection_uid=UID)]
    pairs = list(zip(chunks, proofs, strict=True))
    groups = [pairs[at : at + batch] for at in range(0, len(pairs), batch)]
    ours = {
        "what": f"ragbastion, a signature for {batch} chunks",
        "sign/s": rate(
            len(chunks), lambda: [signer.sign(each, collection_uid=UID) for each in batches]
        ),
        "verify/s": rate(
            len(chunks),
            lambda: [verifier.verify_batch(each, collection_uid=UID) for each in groups],
        ),
    }
    return [ours, _signature_a_chunk(chunks), *_vectorpin(chunks)], pairs


def _signature_a_chunk(chunks: list[Chunk]) -> dict[str, Any]:
    """Sign the same leaf of each chunk by itself: the same fields are bound."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()

    def leaf(chunk: Chunk) -> bytes:
        return chunk_leaf(chunk, UID, bind_vectors(chunk.vector[None, :])[0])

    signatures = [key.sign(leaf(chunk)) for chunk in chunks]
    return {
        "what": "Ed25519 for each chunk",
        "sign/s": rate(len(chunks), lambda: [key.sign(leaf(chunk)) for chunk in chunks]),
        "verify/s": rate(
            len(chunks),
            lambda: [
                public.verify(signature, leaf(chunk))
                for chunk, signature in zip(chunks, signatures, strict=True)
            ],
        ),
    }


def _vectorpin(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Pin text, model and vector, with the record, collection and tenant that its check can take.

    Metadata, document and source stay outside of what it signs.
    """
    try:
        from vectorpin import Signer, Verifier
    except ImportError:
        return []
    signer = Signer.generate(key_id="bench")
    verifier = Verifier({"bench": signer.public_key()})

    def pin(chunk: Chunk) -> Any:
        return signer.pin(
            chunk.text,
            "all-MiniLM-L6-v2",
            chunk.vector,
            extra={
                "vectorpin.record_id": chunk.id,
                "vectorpin.collection_id": UID,
                "vectorpin.tenant_id": chunk.tenant,
            },
        )

    def verify(made: Any, chunk: Chunk) -> None:
        result = verifier.verify(
            made,
            source=chunk.text,
            vector=chunk.vector,
            expected_record_id=chunk.id,
            expected_collection_id=UID,
            expected_tenant_id=chunk.tenant,
        )
        if not result:
            raise SystemExit(f"vectorpin refused an honest chunk: {result}")

    pins = [pin(chunk) for chunk in chunks]
    return [
        {
            "what": "vectorpin 0.2.0, a pin for each chunk",
            "sign/s": rate(len(chunks), lambda: [pin(chunk) for chunk in chunks]),
            "verify/s": rate(
                len(chunks),
                lambda: [verify(*each) for each in zip(pins, chunks, strict=True)],
            ),
        }
    ]


def warm_costs(chunks: list[Chunk], folder: Path) -> list[dict[str, Any]]:
    """Measure points as a store gives them, unseen envelopes, and single retrievals."""
    signer = BatchSigner(folder)
    groups = [chunks[at : at + COLD_BATCH] for at in range(0, len(chunks), COLD_BATCH)]
    batches = [
        [to_point(*pair) for pair in zip(each, signer.sign(each, collection_uid=UID), strict=True)]
        for each in groups
    ]
    verifier = ChunkVerifier(folder)

    def sweep(fresh: ChunkVerifier) -> None:
        for points in batches:
            outcomes = fresh.verify_batch([from_point(p) for p in points], collection_uid=UID)
            if any(not isinstance(outcome, Chunk) for outcome in outcomes):
                raise SystemExit("an honest chunk was refused")

    sweep(verifier)
    warm = rate(len(chunks), lambda: sweep(verifier))
    cold = rate(len(batches), lambda: sweep(ChunkVerifier(folder)))
    retrieval_s = _retrieval_s(verifier, [point for points in batches for point in points])
    return [
        _cost("stored points verified, known envelopes", warm, "chunks/s"),
        _cost(f"batches of {COLD_BATCH} verified, envelopes never seen", cold * 60, "batches/min"),
        _cost(f"verifying {HITS} hits of a query, median", retrieval_s * 1000, "ms"),
        _cost("the same a chunk", retrieval_s / HITS * 1e6, "µs"),
    ]


def _retrieval_s(verifier: ChunkVerifier, points: Sequence[StoredPoint]) -> float:
    """Return the seconds from stored points to verified chunks, each time of other points.

    The median of a round; of many short rounds the best, since other work disturbs.
    """
    picked, medians = random.Random(SEED), []
    for _ in range(RETRIEVAL_ROUNDS):
        seconds = []
        for _ in range(RETRIEVALS):
            hits = [_as_read(point) for point in picked.sample(points, HITS)]
            start = time.process_time()
            outcomes = verifier.verify_batch([from_point(h) for h in hits], collection_uid=UID)
            seconds.append(time.process_time() - start)
            if not all(isinstance(outcome, Chunk) for outcome in outcomes):
                raise SystemExit("an honest hit was refused")
        medians.append(statistics.median(seconds))
    return min(medians)


def _as_read(point: StoredPoint) -> StoredPoint:
    """Return a point as a store has just read it."""
    payload = json.loads(json.dumps(point.payload))
    return StoredPoint(id=point.id, vector=point.vector.copy(), payload=payload)


def proof_sizes(pairs: Pairs, folder: Path) -> list[dict[str, Any]]:
    """Measure the proof in a payload by size of the batch, and the envelope's share beside it."""
    chunks, costs = [chunk for chunk, _ in pairs], []
    for size in (100, 1000, len(chunks)):
        state = folder / f"sizes {size}"
        signer = BatchSigner(state)
        proofs = signer.sign(chunks[:size], collection_uid=UID)
        proof = statistics.mean(len(json.dumps(each.as_payload())) for each in proofs)
        signer.close()
        kept = _envelope_bytes(state)
        costs.append(_cost(f"proof in the payload, batch of {size}", proof, "bytes/chunk"))
        costs.append(_cost(f"envelope, batch of {size}", kept / size, "bytes/chunk"))
    return costs


def _envelope_bytes(state: Path) -> int:
    import sqlite3

    with sqlite3.connect(state / "provenance.db") as database:
        return int(database.execute("SELECT SUM(length(envelope)) FROM envelopes").fetchone()[0])


def ingestion(data: Path, folder: Path, documents: int) -> list[dict[str, Any]]:
    """Ingest real documents with the real model; return signing's share of the time."""
    from ragbastion import Guard

    path = folder / "documents.jsonl"
    path.write_text("\n".join(_real_documents(data, documents)) + "\n")
    settings = Settings(state_dir=folder / "state", store=str(folder / "store"))
    with Guard(settings) as guard:
        report = guard.ingest([path], tenant="bench", source="bench")
    total = sum(report.timings_ms.values())
    return [
        _cost("real documents ingested", report.ingested, "documents"),
        _cost("their chunks", report.chunks, "chunks"),
        _cost("signing's share of ingestion", report.timings_ms["sign"] / total * 100, "%"),
        _cost("signing a chunk", report.timings_ms["sign"] / report.chunks * 1000, "µs"),
    ]


def _real_documents(data: Path, count: int) -> list[str]:
    files = sorted(data.glob("clean_*.jsonl"))
    share = -(-count // len(files))
    picked = []
    for path in files:
        rows = [json.loads(line) for line in path.read_text().splitlines()[:share]]
        picked += [json.dumps({"id": row["id"], "text": row["text"]}) for row in rows]
    return picked[:count]


def _cost(what: str, value: float, unit: str) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit}


def rate(count: int, act: Callable[[], object]) -> float:
    """Return items per second of CPU time, the best of five runs."""
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        act()
        seconds.append(time.process_time() - start)
    return count / min(seconds)


if __name__ == "__main__":
    main()
