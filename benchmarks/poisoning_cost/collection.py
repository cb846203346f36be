"""A collection of documents by number, and what is near in it: by a scan, and by a graph index.

The index is Qdrant Edge's, the engine of the embedded store and of the Qdrant server, told to build
a graph (HNSW) as a server does; the embedded store itself searches exactly. It holds a random
projection of the vectors to 64 dimensions, since a million of 384 would take two processors longer
than this benchmark may. What is found has its full vector and cosine, so that what the signals see
and cost is that of 384 dimensions.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge
from ragbastion.core.chunk import ChunkId, Matrix
from ragbastion.core.store import Hit, StoredPoint
from ragbastion.ingest.signals import SignalInput

from .texts import DIMENSION, SEED, Texts

GRAPH_DIMENSION = 64
DOCUMENTS_A_SOURCE = 50
BATCH = 64
NOW = 1_700_000_000.0
_WRITTEN = 5_000
_SCANNED = 20_000
_INDEXED = edge.SearchParams(indexed_only=True)
"""What the engine's log brings back when an index is loaded again is in no graph."""


class Collection:
    """The first documents of a stream; ``build_s`` is how long its index took, by the clock."""

    def __init__(self, texts: Texts, matrix: Matrix, folder: Path) -> None:
        self.texts = texts
        self.matrix = matrix
        self.count = len(matrix)
        self.sources = max(1, self.count // DOCUMENTS_A_SOURCE)
        drawn = np.random.default_rng(SEED).standard_normal((DIMENSION, GRAPH_DIMENSION))
        self._projection = (drawn / np.sqrt(GRAPH_DIMENSION)).astype(np.float32)
        self._shard, self.build_s = _opened(folder, matrix, self._projection)

    def neighbours(self, vectors: Matrix, count: int) -> list[list[Hit]]:
        """Return stored passages near each row, best first, as the index finds them."""
        return [self._near(vector, count) for vector in vectors]

    def source(self, number: int) -> str:
        """Return whose a document is."""
        return f"s{number % self.sources}"

    def nearest(self, vectors: Matrix, count: int) -> list[list[Hit]]:
        """Return what is nearest to each row, by a scan of everything."""
        numbers = np.zeros((len(vectors), 0), dtype=np.int64)
        scores = np.zeros((len(vectors), 0), dtype=np.float32)
        for start in range(0, self.count, _SCANNED):
            part = vectors @ self.matrix[start : start + _SCANNED].T
            places = np.broadcast_to(np.arange(start, start + part.shape[1]), part.shape)
            scores, numbers = np.hstack([scores, part]), np.hstack([numbers, places])
            best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            scores = np.take_along_axis(scores, best, axis=1)
            numbers = np.take_along_axis(numbers, best, axis=1)
        order = np.argsort(-scores, axis=1)
        scores = np.take_along_axis(scores, order, axis=1)
        numbers = np.take_along_axis(numbers, order, axis=1)
        return [
            [
                Hit(point=self._point(int(at)), score=float(score))
                for at, score in zip(row, told, strict=True)
            ]
            for row, told in zip(numbers, scores, strict=True)
        ]

    def recall(self, vectors: Matrix, count: int) -> float:
        """Return how many of the truly nearest the index finds."""
        asked = self.neighbours(vectors, count), self.nearest(vectors, count)
        found = [[{hit.point.id for hit in hits} for hits in each] for each in asked]
        shared = sum(len(one & other) for one, other in zip(*found, strict=True))
        return shared / count / len(vectors)

    def close(self) -> None:
        """Close the index."""
        self._shard.close()

    def _near(self, vector: Matrix, count: int) -> list[Hit]:
        request = edge.SearchRequest(
            query=edge.Query.Nearest((vector @ self._projection).tolist()),
            limit=count,
            params=_INDEXED,
        )
        numbers = [int(hit.id) for hit in self._shard.search(request)]
        scored = sorted(((float(self.matrix[n] @ vector), n) for n in numbers), reverse=True)
        return [Hit(point=self._point(n), score=score) for score, n in scored]

    def _point(self, number: int) -> StoredPoint:
        payload: dict[str, Any] = {
            "text": self.texts.text(number),
            "source": self.source(number),
            "document": f"d{number}",
        }
        return StoredPoint(id=ChunkId(str(number)), vector=self.matrix[number], payload=payload)


def batch_of(
    texts: Texts, first: int, source: str, *, probation: bool = False, count: int = BATCH
) -> list[SignalInput]:
    """Return documents of one passage each, from a number on, of one source."""
    vectors = texts.vectors_of(range(first, first + count))
    made = [texts.text(first + at) for at in range(count)]
    return [
        SignalInput(
            document=f"d{first + at}",
            source=source,
            text=text,
            pieces=(text,),
            vectors=vectors[at : at + 1],
            at=NOW,
            probation=probation,
        )
        for at, text in enumerate(made)
    ]


def _opened(folder: Path, matrix: Matrix, projection: Matrix) -> tuple[edge.EdgeShard, float]:
    """Return the index of a folder, built if it is not there, and how long building took."""
    told = folder.with_suffix(".seconds")
    if told.exists():
        return edge.EdgeShard.load(str(folder), _config()), float(told.read_text())
    started = time.perf_counter()
    shard = _built(folder, matrix, projection)
    seconds = time.perf_counter() - started
    told.write_text(str(seconds))
    return shard, seconds


def _config() -> edge.EdgeConfig:
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(size=GRAPH_DIMENSION, distance=edge.Distance.Cosine),
        max_search_threads=1,
        hnsw_config=edge.HnswIndexConfig(8, 32, 1),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1),
    )


def _built(folder: Path, matrix: Matrix, projection: Matrix) -> edge.EdgeShard:
    folder.mkdir(parents=True)
    shard = edge.EdgeShard.create(str(folder), _config())
    for start in range(0, len(matrix), _WRITTEN):
        rows = (matrix[start : start + _WRITTEN] @ projection).tolist()
        points = [edge.Point(start + at, row, None) for at, row in enumerate(rows)]
        shard.update(edge.UpdateOperation.upsert_points(points))
    shard.flush()
    shard.optimize()
    return shard
