"""Ways to search that the engine has and the store does not use: what they give and what they lose.

Tenants of 4,000 points, in clusters as texts are and without any, which no index can follow. The
engine takes part of the second thread's time to build; recall is against the exact answer.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import qdrant_edge as edge
from ragbastion.core.chunk import Matrix, Vector

from .data import DIMENSION, SEED, TEXT_CHARS, TOP_K, Row

_TENANTS = 6
_SHARE = 4_000
_CLUSTERS = 40
# Any size of a segment is worth indexing then, or none.
_ALWAYS, _NEVER = 1, 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    name: str
    graph: int
    indexed: int = _ALWAYS
    int8: bool = False
    params: edge.SearchParams | None = None

    def config(self) -> edge.EdgeConfig:
        int8 = edge.ScalarQuantizationConfig(edge.ScalarType.Int8, memory=edge.Memory.Cached)
        return edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(size=DIMENSION, distance=edge.Distance.Cosine),
            max_search_threads=1,
            hnsw_config=edge.HnswIndexConfig(self.graph, 100, 1),
            quantization_config=int8 if self.int8 else None,
            optimizers=edge.EdgeOptimizersConfig(
                indexing_threshold=self.indexed, default_segment_number=1
            ),
        )


_RESCORED = edge.SearchParams(
    quantization=edge.QuantizationSearchParams(rescore=True, oversampling=3.0)
)
_WAYS = (
    _Way(name="exact, as written (the store's)", graph=0, indexed=_NEVER),
    _Way(name="exact, segment rewritten", graph=0, params=edge.SearchParams(exact=True)),
    _Way(name="8 bits, rescored", graph=0, int8=True, params=_RESCORED),
    _Way(name="HNSW 16, ef 100", graph=16),
    _Way(name="HNSW 16, 8 bits, rescored", graph=16, int8=True, params=_RESCORED),
)


def measure_indexes(queries: int, work: Path | None) -> Row:
    """Return one row for each way and kind of vectors."""
    rows: list[Row] = []
    for kind, spread in (("clusters", 0.7), ("no structure", None)):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            rows += [{"vectors": kind, **row} for row in _rows(Path(folder), spread, queries)]
    return {"rows": rows, "points_per_tenant": _SHARE, "tenants": _TENANTS}


def _rows(folder: Path, spread: float | None, queries: int) -> list[Row]:
    rng = np.random.default_rng(SEED)
    data = [_vectors(rng, spread) for _ in range(_TENANTS)]
    shards, seconds = {}, {}
    for number, way in enumerate(_WAYS):
        shards[way.name], seconds[way.name] = _built(folder / str(number), way, data)
    taken: dict[str, list[float]] = {way.name: [] for way in _WAYS}
    recall: dict[str, list[float]] = {way.name: [] for way in _WAYS}
    for number in range(queries):
        tenant = number % _TENANTS
        near = data[tenant][rng.integers(_SHARE)] if spread else 0.0
        vector = (near + 0.5 * rng.standard_normal(DIMENSION)).astype(np.float32)
        exact: set[object] = set()
        for way in _WAYS:
            started = time.thread_time()
            found = _search(shards[way.name][tenant], vector, way.params)
            taken[way.name].append((time.thread_time() - started) * 1000)
            exact = exact or found
            recall[way.name].append(len(found & exact) / TOP_K)
    return [
        {
            "way": name,
            "query_cpu_ms_p50": statistics.median(taken[name]),
            "recall_at_10": statistics.fmean(recall[name]),
            "build_s_per_tenant": seconds[name] / _TENANTS,
        }
        for name in taken
    ]


def _vectors(rng: np.random.Generator, spread: float | None) -> Matrix:
    noise = rng.standard_normal((_SHARE, DIMENSION), dtype=np.float32)
    if spread is None:
        return noise
    centres = rng.standard_normal((_CLUSTERS, DIMENSION), dtype=np.float32)
    chosen: Matrix = centres[rng.integers(0, _CLUSTERS, _SHARE)]
    return chosen + np.float32(spread) * noise


def _built(folder: Path, way: _Way, data: list[Matrix]) -> tuple[list[edge.EdgeShard], float]:
    shards, seconds = [], 0.0
    payload = {"text": "x" * TEXT_CHARS}
    for tenant, vectors in enumerate(data):
        path = folder / str(tenant)
        path.mkdir(parents=True)
        shard = edge.EdgeShard.create(str(path), way.config())
        points = [edge.Point(at, vector.tolist(), payload) for at, vector in enumerate(vectors)]
        shard.update(edge.UpdateOperation.upsert_points(points))
        shard.flush()
        seconds += _seconds(shard.optimize)
        shards.append(shard)
    return shards, seconds


def _search(shard: edge.EdgeShard, vector: Vector, params: edge.SearchParams | None) -> set[object]:
    request = edge.SearchRequest(
        query=edge.Query.Nearest(vector.tolist()),
        limit=TOP_K,
        with_payload=True,
        with_vector=True,
        params=params,
    )
    hits = [(hit.id, hit.vector, hit.payload) for hit in shard.search(request)]
    return {id_ for id_, *_ in hits}


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
