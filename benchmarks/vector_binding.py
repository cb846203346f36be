"""How tightly a sketch binds a vector: what stores do to it, and what an attacker can.

    python benchmarks/vector_binding.py --data DIR --out benchmarks/results

Honest round trips: a million vectors through float32 and half precision arithmetic, and real
embeddings (``DIR/poison/clean_*.jsonl``) through the stores themselves. Detection: the share of
vectors refused by the angle of a random turn, for both versions of the sketch, and how many of the
ten nearest neighbours such a turn changes. Attack: how far towards a target an attacker who knows
the sketch can turn a vector that still passes.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_client import QdrantClient, models
from ragbastion.core.chunk import Matrix, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance.secure_sketch import STEP_ANGLE, bind_vectors, bound_rows
from ragbastion.ingest.provenance.sketch import (
    MAX_FLIPPED_BITS,
    _projection,
    flipped_bits,
    sketch_vectors,
)
from ragbastion.tenancy import EdgeStore
from report import print_table, write_bars, write_json

SEED = 7
DIMENSION = 384
BLOCK = 10_000
DEGREES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 12.0, 45.0)
PUSHES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
Row = dict[str, Any]


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--honest", type=int, default=1_000_000, help="synthetic round trips")
    parser.add_argument("--texts", type=int, default=1400, help="embedded by the real model")
    options = parser.parse_args()
    real = embeddings(options.data / "poison", options.texts)
    results = {
        "honest": [*synthetic_trips(options.honest), *store_trips(real)],
        "turns": turns(real),
        "attack": attack(real),
    }
    for name, rows in results.items():
        print_table(name, rows)
    write_json(options.out, "vector_binding", results, seed=SEED)
    series = {
        version: {f"{row['degrees']}°": row[f"refused, {version}"] for row in results["turns"]}
        for version in ("version 1", "version 2")
    }
    write_bars(options.out, "vector_binding", "Turned vectors refused", series, "share")


def embeddings(data: Path, count: int) -> Matrix:
    """Return unit vectors of real texts."""
    from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder

    files = sorted(data.glob("clean_*.jsonl"))
    rows = [line for path in files for line in path.read_text().splitlines()[: count // len(files)]]
    return SentenceTransformerEmbedder().embed([json.loads(row)["text"][:600] for row in rows])


def units(count: int, seed: int) -> Matrix:
    """Return random unit vectors."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), dtype=np.float32)
    return normalised(vectors)


def normalised(vectors: Matrix) -> Matrix:
    """Return vectors of length 1, in float32."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rounded(vectors: Matrix) -> Matrix:
    """Return vectors after half precision."""
    return vectors.astype(np.float16).astype(np.float32)


def scalar_quantised(vectors: Matrix) -> Matrix:
    """Return vectors after 8 bits a coordinate, scaled by the largest of each vector."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / 127
    return np.rint(vectors / scale).astype(np.float32) * scale


TRIPS: dict[str, Callable[[Matrix], Matrix]] = {
    "float32, scaled and normalised": lambda v: normalised(v * np.float32(1.37)),
    "float32, through half precision, normalised": lambda v: normalised(rounded(v)),
}


def synthetic_trips(count: int) -> Iterator[Row]:
    """Send random vectors through what stores do, block by block."""
    for name, trip in TRIPS.items():
        refused, moved = 0, 0.0
        for start in range(0, count, BLOCK):
            block = units(min(BLOCK, count - start), SEED + start)
            back = trip(block)
            refused += sum(passed is not True for passed in bound_rows(back, bind_vectors(block)))
            moved = max(moved, furthest(block, back))
        yield _trip(f"{name} (synthetic)", count, refused, moved)


def furthest(vectors: Matrix, back: Matrix) -> float:
    """Return the largest move of a coordinate in half steps of the grid: from 1 it may fail."""
    half_step = STEP_ANGLE / np.sqrt(vectors.shape[1]) / 2
    return float(np.abs(normalised(back) - normalised(vectors)).max() / half_step)


def store_trips(vectors: Matrix) -> Iterator[Row]:
    """Send real embeddings through stores and read them back."""
    for name, trip in STORES.items():
        try:
            back = trip(vectors)
        except ImportError as error:
            print(f"{name}: not measured ({error})")
            continue
        passed = bound_rows(back, bind_vectors(vectors))
        refused = sum(each is not True for each in passed)
        yield _trip(name, len(vectors), refused, furthest(vectors, back))


def _trip(name: str, count: int, refused: int, moved: float) -> Row:
    return {
        "round trip": name,
        "vectors": count,
        "refused": refused,
        "largest move of a coordinate (1 may fail)": moved,
    }


def through_qdrant(vectors: Matrix) -> Matrix:
    """Send vectors through Qdrant's local mode, which normalises for cosine distance.

    It keeps float32 also where another datatype is asked for.
    """
    client = QdrantClient(":memory:")
    parameters = models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=parameters)
    points = [models.PointStruct(id=i, vector=v.tolist()) for i, v in enumerate(vectors)]
    client.upsert("c", points)
    found = client.retrieve("c", list(range(len(vectors))), with_vectors=True)
    return np.array([each.vector for each in found], dtype=np.float32)


def through_edge(vectors: Matrix) -> Matrix:
    """Send vectors through the embedded store."""
    tenant = TenantId("bench")
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore(Path(folder))
        store.create_collection("c", EmbedderIdentity(model="m", dimension=vectors.shape[1]))
        points = [
            StoredPoint(id=f"{at:08d}", vector=vector, payload={"text": ""})
            for at, vector in enumerate(vectors)
        ]
        for start in range(0, len(points), 256):
            store.upsert("c", tenant, points[start : start + 256])
        found = sorted(store.scroll("c", tenant), key=lambda point: point.id)
        store.close()
    return np.stack([point.vector for point in found])


def through_chroma(vectors: Matrix) -> Matrix:
    """Send vectors through Chroma in memory."""
    import chromadb

    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("vectors", metadata={"hnsw:space": "cosine"})
    ids = [f"{at:08d}" for at in range(len(vectors))]
    for start in range(0, len(ids), 1000):
        collection.add(ids[start : start + 1000], embeddings=vectors[start : start + 1000])
    found = collection.get(ids, include=["embeddings"])
    by_id = dict(zip(found["ids"], found["embeddings"], strict=True))
    return np.array([by_id[each] for each in ids], dtype=np.float32)


def through_postgres(kind: str) -> Callable[[Matrix], Matrix]:
    """Return the trip through a PostgreSQL column of pgvector's type ``kind``."""

    def trip(vectors: Matrix) -> Matrix:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "retrieval_guard"))
        from postgres_server import PostgresServer
        from sqlalchemy import text

        server = PostgresServer()
        try:
            with server.owner.begin() as database:
                database.execute(text("CREATE EXTENSION vector"))
                database.execute(text(f"CREATE TABLE t (id int, v {kind}({vectors.shape[1]}))"))
                insert = text(f"INSERT INTO t VALUES (:id, CAST(:v AS {kind}))")
                rows = [{"id": i, "v": str(v.tolist())} for i, v in enumerate(vectors)]
                database.execute(insert, rows)
                found = database.execute(text("SELECT CAST(v AS text) FROM t ORDER BY id"))
                return np.array([json.loads(row[0]) for row in found], dtype=np.float32)
        finally:
            server.stop()

    return trip


STORES: dict[str, Callable[[Matrix], Matrix]] = {
    "Qdrant local mode": through_qdrant,
    "EdgeStore": through_edge,
    "Chroma": through_chroma,
    "pgvector, vector": through_postgres("vector"),
    "pgvector, halfvec": through_postgres("halfvec"),
    "8 bits a coordinate (arithmetic)": scalar_quantised,
}


def turned(vectors: Matrix, degrees: float) -> Matrix:
    """Turn each vector by an angle in a random direction."""
    noise = units(len(vectors), SEED + 1)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    angle = np.radians(degrees)
    made = np.cos(angle) * vectors + np.sin(angle) * normalised(noise)
    return made.astype(np.float32)


def turns(vectors: Matrix) -> list[Row]:
    """Return, by the angle of a random turn, the shares refused and the neighbours changed."""
    sketches, signs = bind_vectors(vectors), sketch_vectors(vectors)
    rows = []
    for degrees in DEGREES:
        moved = turned(vectors, degrees)
        passed = np.array(bound_rows(moved, sketches), dtype=bool)
        flipped = flipped_bits(sketch_vectors(moved), signs)
        rows.append(
            {
                "degrees": degrees,
                "refused, version 2": float(1 - passed.mean()),
                "refused, version 1": float((flipped > MAX_FLIPPED_BITS).mean()),
                "of ten neighbours changed": neighbours_changed(vectors, moved),
            }
        )
    rounding = neighbours_changed(vectors, rounded(vectors))
    honest = {"degrees": "half precision", "refused, version 2": 0.0, "refused, version 1": 0.0}
    return [*rows, {**honest, "of ten neighbours changed": rounding}]


def neighbours_changed(vectors: Matrix, moved: Matrix) -> float:
    """Return how many of a vector's ten nearest others are no longer, on average."""
    before, after = (_nearest(vectors, each) for each in (vectors, moved))
    kept = [len(set(a) & set(b)) for a, b in zip(before, after, strict=True)]
    return 10 - float(np.mean(kept))


def _nearest(vectors: Matrix, queries: Matrix) -> list[list[int]]:
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -2)
    found: list[list[int]] = np.argpartition(-scores, 10, axis=1)[:, :10].tolist()
    return found


def attack(vectors: Matrix) -> list[Row]:
    """Return how far vectors get towards a random other one of them and still pass."""
    targets = np.roll(vectors, len(vectors) // 2, axis=0)
    before = (vectors * targets).sum(axis=1)
    rows = []
    for version, made in (("version 1", _within_signs), ("version 2", _within_grid)):
        moved = normalised(made(vectors, targets)).astype(np.float32)
        flipped = flipped_bits(sketch_vectors(moved), sketch_vectors(vectors))
        passed = (
            flipped <= MAX_FLIPPED_BITS
            if version == "version 1"
            else np.array(bound_rows(moved, bind_vectors(vectors)), dtype=bool)
        )
        cosines = np.clip((moved * vectors).sum(axis=1)[passed], -1, 1)
        rows.append(
            {
                "sketch": version,
                "attacked vectors that pass": float(passed.mean()),
                "degrees turned, median": float(np.degrees(np.median(np.arccos(cosines)))),
                "degrees turned, most": float(np.degrees(np.arccos(cosines.min()))),
                "nearer to the target (cosine), median": float(
                    np.median((moved * targets).sum(axis=1)[passed] - before[passed])
                ),
                "of ten neighbours changed": neighbours_changed(vectors, moved),
            }
        )
    return rows


def _within_signs(vectors: Matrix, targets: Matrix) -> Matrix:
    """Add the target's part in the null space of the projections, where no sign changes."""
    _, _, directions = np.linalg.svd(_projection(vectors.shape[1]).T.astype(np.float64))
    blind = directions[256:]
    return (vectors + 1.5 * (targets - vectors) @ blind.T @ blind).astype(np.float32)


def _within_grid(vectors: Matrix, targets: Matrix) -> Matrix:
    """Push every coordinate towards the target as far as its grid point allows and still passes."""
    step = STEP_ANGLE / np.sqrt(vectors.shape[1])
    towards = np.sign(targets - (vectors * targets).sum(axis=1, keepdims=True) * vectors)
    sketches, best = bind_vectors(vectors), vectors.copy()
    for share in PUSHES:
        pushed = (np.rint(vectors / step) + share * towards) * step
        pushed = normalised(pushed).astype(np.float32)
        passed = np.array(bound_rows(pushed, sketches), dtype=bool)
        best[passed] = pushed[passed]
    return best


if __name__ == "__main__":
    main()
