"""The two stores, and qdrant-client's local mode as it is, with the same points and queries.

    python benchmarks/stores.py --points 50000 --tenants 50 --out benchmarks/results

Every ratio is of two timings of one run on one machine. What the store adds to its engine is
measured by ``benchmarks.embedded``, what the guard adds to its client by ``guarded.py``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_client import QdrantClient, models
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint, VectorStore
from ragbastion.tenancy import EdgeStore, QdrantStore
from report import print_table, write_json

DIMENSION = 384
TEXT_CHARS = 400
BATCH = 500
TOP_K = 10
SEED = 7

Row = dict[str, Any]


def main() -> None:
    """Measure, print a table, and write JSON and a plot."""
    arguments = _arguments()
    # Local mode warns above 20,000 points that it is slow; how slow is what is measured here.
    warnings.filterwarnings("ignore", message="Local mode is not recommended")
    stores = [
        measure_store("EdgeStore", arguments),
        measure_store("QdrantStore on local mode", arguments),
    ]
    plain = measure_plain(arguments)
    result: Row = {
        "stores": [*stores, plain],
        "query_ratio_edge_to_plain_local": stores[0]["query_ms_p50"] / plain["query_ms_p50"],
        "load_average": os.getloadavg(),
    }
    print_table("tenant-filtered top 10 of vectors of 384 dimensions", result["stores"])
    ratio = result["query_ratio_edge_to_plain_local"]
    print(f"EdgeStore / plain local mode, query p50: {ratio:.5f}")
    write_json(arguments.out, "stores", result, seed=SEED)
    _plot(result, arguments.out / "stores.png")


def measure_store(name: str, arguments: argparse.Namespace) -> Row:
    """Ingest and query through a `VectorStore`."""
    with tempfile.TemporaryDirectory() as folder:
        store: VectorStore
        if name == "EdgeStore":
            store = EdgeStore(Path(folder))
        else:
            store = QdrantStore(QdrantClient(":memory:"))
        store.create_collection("c", EmbedderIdentity(model="random", dimension=DIMENSION))
        started = time.perf_counter()
        for tenant, ids, vectors in _batches(arguments):
            points = [
                StoredPoint(id=ChunkId(f"c{i}"), vector=vector, payload=_payload(i))
                for i, vector in zip(ids, vectors, strict=True)
            ]
            store.upsert("c", TenantId(tenant), points)
        seconds = time.perf_counter() - started

        def query(tenant: str, vector: np.ndarray[Any, Any]) -> None:
            assert len(store.search("c", TenantId(tenant), vector, TOP_K)) == TOP_K

        row = _row(name, arguments, seconds, query)
        store.close()
        return row


def measure_plain(arguments: argparse.Namespace) -> Row:
    """Ingest and query through qdrant-client's local mode, with a tenant filter and no guard."""
    client = _local_client()
    started = time.perf_counter()
    for tenant, ids, vectors in _batches(arguments):
        client.upsert("c", [_struct(i, v, tenant) for i, v in zip(ids, vectors, strict=True)])
    seconds = time.perf_counter() - started

    def query(tenant: str, vector: np.ndarray[Any, Any]) -> None:
        assert len(_plain_query(client, tenant, vector)) == TOP_K

    return _row("qdrant-client local mode, plain", arguments, seconds, query)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


def _batches(
    arguments: argparse.Namespace,
) -> Iterator[tuple[str, range, np.ndarray[Any, Any]]]:
    """Yield tenant, point numbers and vectors, a batch at a time, the same for every store."""
    rng = np.random.default_rng(SEED)
    share = arguments.points // arguments.tenants
    for t in range(arguments.tenants):
        for start in range(t * share, (t + 1) * share, BATCH):
            numbers = range(start, min(start + BATCH, (t + 1) * share))
            yield (
                f"t{t}",
                numbers,
                rng.standard_normal((len(numbers), DIMENSION)).astype(np.float32),
            )


def _payload(number: int) -> dict[str, Any]:
    return {"text": f"{number} ".ljust(TEXT_CHARS, "x"), "source": f"s{number % 7}"}


def _struct(number: int, vector: np.ndarray[Any, Any], tenant: str) -> models.PointStruct:
    payload = {**_payload(number), "tenant": tenant}
    return models.PointStruct(id=number, vector=vector.tolist(), payload=payload)


def _local_client() -> QdrantClient:
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=size)
    return client


def _plain_query(
    client: QdrantClient, tenant: str, vector: np.ndarray[Any, Any]
) -> Sequence[models.ScoredPoint]:
    match = models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))
    owned = models.Filter(must=[match])
    return client.query_points("c", vector, query_filter=owned, limit=TOP_K).points


def _row(
    name: str,
    arguments: argparse.Namespace,
    ingest_s: float,
    query: Callable[[str, np.ndarray[Any, Any]], None],
) -> Row:
    rng = np.random.default_rng(SEED + 1)

    def timed_query(tenant: str) -> float:
        vector = rng.standard_normal(DIMENSION).astype(np.float32)
        return _timed(lambda: query(tenant, vector))[1]

    # The first query of a tenant opens its files, or builds what is made lazily.
    first = [timed_query(f"t{t}") for t in range(arguments.tenants)]
    warm = sorted(timed_query(f"t{n * 7 % arguments.tenants}") for n in range(arguments.queries))
    return {
        "store": name,
        "points": arguments.points,
        "tenants": arguments.tenants,
        "ingest_points_per_s": arguments.points / ingest_s,
        "first_query_ms_p50": statistics.median(first),
        "query_ms_p50": statistics.median(warm),
        "query_ms_p95": warm[int(0.95 * (len(warm) - 1))],
    }


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    value = call()
    return value, (time.perf_counter() - started) * 1000


def _plot(result: Row, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.6))
    names = ["EdgeStore", "QdrantStore,\nlocal mode", "plain client,\nlocal mode"]
    bars = axes.bar(names, [row["query_ms_p50"] for row in result["stores"]], color="#3b6ea5")
    axes.bar_label(bars, fmt="%.2f")
    axes.set(yscale="log", ylabel="query p50, ms (log)")
    axes.margins(y=0.15)
    first = result["stores"][0]
    axes.set_title(f"{first['points']:,} points, {first['tenants']} tenants, top {TOP_K}")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
