"""What the embedded store costs beside the bare engine, and what many open tenants take.

    python benchmarks/embedded.py --points 200000 --tenants 50 --memory-tenants 1000

Queries: the same top 10, payload and vector included, of the same tenant, asked in turn of
`EdgeStore`, of bare Qdrant Edge with one shard for each tenant, and of bare Qdrant Edge with one
shard, a keyword index and a filter on the tenant. All three must return the same points. Every file
is read before, so that what is compared is not whose pages the kernel kept meanwhile. Memory: a
process of its own opens every tenant and searches it once; resident bytes are Linux's VmRSS.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.edge_folders import shard_folder, tenant_folder
from ragbastion.tenancy.point_identity import ID_KEY, namespaced_id
from ragbastion.tenancy.store_files import allocated_bytes
from report import print_table, write_json

DIMENSION = 384
TEXT_CHARS = 400
BATCH = 2_000
TOP_K = 10
SEED = 11
MEBI = 2**20
TITLES = {
    "queries": f"top {TOP_K} of one tenant",
    "memory": "tenants open in one process",
    "optimize": "a vacuum after half of a tenant was deleted",
}

Row = dict[str, Any]
Query = Callable[[int, list[float]], list[str]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]


def main() -> None:
    """Measure, print tables, and write JSON and a plot."""
    arguments = _arguments()
    if arguments.opened is not None:
        print(json.dumps(resident(arguments.opened, arguments.tenants)))
        return
    measures: dict[str, Callable[[], Row]] = {
        "queries": lambda: measure_queries(arguments),
        "memory": lambda: measure_memory(arguments),
        "optimize": lambda: measure_optimize(arguments.optimize_points),
    }
    result: Row = {}
    for part in arguments.parts:
        result[part] = {**measures[part](), "load_average": os.getloadavg()}
        rows = result[part].get("stores", [result[part]])
        print_table(TITLES[part], rows)
        # After each part, so that a run that is cut off leaves what it measured.
        name = "embedded" if len(result) == len(measures) else f"embedded_{'_'.join(result)}"
        write_json(arguments.out, name, result, seed=SEED)
    if len(result) == len(measures):
        _plot(result, arguments.out / "embedded.png")


def measure_queries(arguments: argparse.Namespace) -> Row:
    """Ingest the same points three times and ask the same questions of each in turn."""
    tenants, share = arguments.tenants, arguments.points // arguments.tenants
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        opened: dict[str, Query] = {}
        ingest: dict[str, float] = {}
        close: list[Callable[[], None]] = []
        for name, build in BUILDS.items():
            started = time.perf_counter()
            opened[name], closing = build(Path(folder) / name.replace(" ", "-"), tenants, share)
            ingest[name] = arguments.points / (time.perf_counter() - started)
            close.append(closing)
        _read_through(Path(folder))
        times = _timed_in_turn(opened, tenants, arguments.queries)
        for closing in close:
            closing()
    stores = [
        {
            "store": name,
            "points": arguments.points,
            "tenants": tenants,
            "ingest_points_per_s": ingest[name],
            "query_ms_p50": statistics.median(taken),
            "query_ms_p95": sorted(taken)[int(0.95 * (len(taken) - 1))],
        }
        for name, taken in times.items()
    ]
    ours = times["EdgeStore"]
    ratios = {
        f"ratio_p50_to_{name.replace(' ', '_')}": statistics.median(ours) / statistics.median(taken)
        for name, taken in times.items()
        if name != "EdgeStore"
    }
    return {"stores": stores, "queries": arguments.queries, **ratios}


def measure_memory(arguments: argparse.Namespace) -> Row:
    """Fill a store with many tenants and open them all in a process of its own."""
    tenants, points = arguments.memory_tenants, arguments.memory_points
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        store = EdgeStore(Path(folder), max_open_shards=8)
        store.create_collection("c", EmbedderIdentity(model="random", dimension=DIMENSION))
        started = time.perf_counter()
        for tenant in range(tenants):
            store.upsert("c", TenantId(f"t{tenant}"), _points(tenant, points))
        seconds = time.perf_counter() - started
        store.close()
        command = [sys.executable, __file__, "--opened", folder, "--tenants", str(tenants)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        disk = allocated_bytes(Path(folder))
    return {
        "tenants": tenants,
        "points_per_tenant": points,
        "create_ms_per_tenant": seconds / tenants * 1000,
        "disk_mb_per_tenant": disk / tenants / MEBI,
        **json.loads(done.stdout),
    }


def resident(folder: str, tenants: int) -> Row:
    """Open and search every tenant; return what the process holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * tenants)), hard))
    store = EdgeStore(Path(folder), max_open_shards=2 * tenants, max_open_bytes=2**40)
    vector = np.ones(DIMENSION, dtype=np.float32)
    before = _status()
    started = time.perf_counter()
    for tenant in range(tenants):
        store.search("c", TenantId(f"t{tenant}"), vector, TOP_K)
    seconds = time.perf_counter() - started
    after, shards, estimate = _status(), store._shards.count, store._shards.size
    started = time.perf_counter()
    store.close()
    return {
        "open_shards": shards,
        "resident_mb": after["VmRSS"] / 1024,
        "resident_mb_per_tenant": (after["VmRSS"] - before["VmRSS"]) / 1024 / tenants,
        "estimated_mb_per_tenant": estimate / tenants / MEBI,
        "threads": after["Threads"],
        "open_and_search_ms": seconds / tenants * 1000,
        "close_ms": (time.perf_counter() - started) / tenants * 1000,
    }


def measure_optimize(points: int) -> Row:
    """Delete half of a tenant and rewrite it, while another thread queries it."""
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore(Path(folder), optimize=False)
        store.create_collection("c", EmbedderIdentity(model="random", dimension=DIMENSION))
        tenant = TenantId("t0")
        for start in range(0, points, BATCH):
            store.upsert("c", tenant, _points(0, min(BATCH, points - start), start))
        store.delete("c", tenant, [ChunkId(f"c{i}") for i in range(points // 2)])
        segments = _segments(Path(folder), tenant)
        before = _p50(store, tenant)
        with _Asking(store, tenant) as asking:
            started = time.perf_counter()
            assert store.optimize("c", tenant)
            seconds = time.perf_counter() - started
        row = {
            "points": points,
            "deleted": points // 2,
            "seconds": seconds,
            "queries_meanwhile": len(asking.times),
            "longest_query_meanwhile_ms": max(asking.times),
            "query_ms_p50_before": before,
            "query_ms_p50_after": _p50(store, tenant),
            "segments_mb_before": segments,
            "segments_mb_after": _segments(Path(folder), tenant),
        }
        store.close()
    return row


class _Asking:
    """A thread that queries a tenant again and again and keeps the times, in ms."""

    def __init__(self, store: EdgeStore, tenant: TenantId) -> None:
        self.times: list[float] = []
        self._ask = lambda: _timed(lambda: store.search("c", tenant, _UNIT, TOP_K))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.times.append(self._ask())
            time.sleep(0.001)

    def __enter__(self) -> _Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


_UNIT = np.ones(DIMENSION, dtype=np.float32)


def _edge_store(path: Path, tenants: int, share: int) -> tuple[Query, Callable[[], None]]:
    store = EdgeStore(path)
    store.create_collection("c", EmbedderIdentity(model="random", dimension=DIMENSION))
    for tenant in range(tenants):
        for start in range(0, share, BATCH):
            points = _points(tenant, min(BATCH, share - start), start)
            store.upsert("c", TenantId(f"t{tenant}"), points)

    def query(tenant: int, vector: list[float]) -> list[str]:
        hits = store.search("c", TenantId(f"t{tenant}"), np.asarray(vector, np.float32), TOP_K)
        return [hit.point.id for hit in hits]

    return query, store.close


def _shard_each(path: Path, tenants: int, share: int) -> tuple[Query, Callable[[], None]]:
    shards = [_bare(path / str(tenant)) for tenant in range(tenants)]
    for tenant, shard in enumerate(shards):
        for start in range(0, share, BATCH):
            _bare_upsert(shard, tenant, min(BATCH, share - start), start)

    def query(tenant: int, vector: list[float]) -> list[str]:
        return _bare_search(shards[tenant], vector, None)

    def close() -> None:
        for shard in shards:
            shard.close()

    return query, close


def _one_shard(path: Path, tenants: int, share: int) -> tuple[Query, Callable[[], None]]:
    shard = _bare(path)
    index = edge.UpdateOperation.create_field_index("tenant", edge.PayloadSchemaType.Keyword)
    shard.update(index)
    for tenant in range(tenants):
        for start in range(0, share, BATCH):
            _bare_upsert(shard, tenant, min(BATCH, share - start), start)

    def query(tenant: int, vector: list[float]) -> list[str]:
        match = edge.FieldCondition(key="tenant", match=edge.MatchValue(f"t{tenant}"))
        return _bare_search(shard, vector, edge.Filter(must=[match]))

    return query, shard.close


BUILDS = {
    "EdgeStore": _edge_store,
    "bare shard each": _shard_each,
    "bare filtered": _one_shard,
}


def _bare(path: Path) -> edge.EdgeShard:
    path.mkdir(parents=True)
    vectors = edge.EdgeVectorParams(size=DIMENSION, distance=edge.Distance.Cosine)
    config = edge.EdgeConfig(vectors=vectors, max_search_threads=1)
    return edge.EdgeShard.create(str(path), config)


def _bare_upsert(shard: edge.EdgeShard, tenant: int, count: int, start: int) -> None:
    name = TenantId(f"t{tenant}")
    points = [
        edge.Point(
            namespaced_id(name, point.id),
            point.vector.tolist(),
            {**point.payload, "tenant": name, ID_KEY: point.id},
        )
        for point in _points(tenant, count, start)
    ]
    shard.update(edge.UpdateOperation.upsert_points(points))
    shard.flush()


def _bare_search(
    shard: edge.EdgeShard, vector: list[float], owned: edge.Filter | None
) -> list[str]:
    request = edge.SearchRequest(
        query=edge.Query.Nearest(vector),
        filter=owned,
        limit=TOP_K,
        with_payload=True,
        with_vector=True,
    )
    # The binding makes Python values of a hit's fields when they are asked for.
    hits = [(hit.id, hit.vector, hit.payload, hit.score) for hit in shard.search(request)]
    return [str(payload[ID_KEY]) for _, _, payload, _ in hits if payload]


def _timed_in_turn(stores: dict[str, Query], tenants: int, queries: int) -> dict[str, list[float]]:
    """Ask each store the same, one after the other, in an order that moves on; times in ms."""
    rng = np.random.default_rng(SEED)
    names = list(stores)
    for tenant in range(tenants):  # what is opened and read at the first query is not measured
        for name in names:
            stores[name](tenant, _UNIT.tolist())
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(queries):
        tenant = number * 7 % tenants
        vector = rng.standard_normal(DIMENSION).astype(np.float32).tolist()
        found = {}
        for name in names[number % 3 :] + names[: number % 3]:
            started = time.perf_counter()
            found[name] = stores[name](tenant, vector)
            times[name].append((time.perf_counter() - started) * 1000)
        assert found["EdgeStore"] == found["bare shard each"] == found["bare filtered"]
    return times


def _read_through(root: Path) -> None:
    """Bring every file's data into the page cache, holes left out."""
    for path in (each for each in root.rglob("*") if each.is_file()):
        with path.open("rb", buffering=0) as file:
            end = 0
            while True:
                try:
                    start = os.lseek(file.fileno(), end, os.SEEK_DATA)
                except OSError:  # only a hole is left
                    break
                end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                for at in range(start, end, MEBI):
                    os.pread(file.fileno(), min(MEBI, end - at), at)


def _points(tenant: int, count: int, start: int = 0) -> list[StoredPoint]:
    rng = np.random.default_rng((SEED, tenant, start))
    vectors: Vectors = rng.standard_normal((count, DIMENSION)).astype(np.float32)
    return [
        StoredPoint(id=ChunkId(f"c{start + i}"), vector=vector, payload=_payload(start + i))
        for i, vector in enumerate(vectors)
    ]


def _payload(number: int) -> Row:
    return {"text": f"{number} ".ljust(TEXT_CHARS, "x"), "source": f"s{number % 7}"}


def _status() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) for name, value in pairs if name in {"VmRSS", "Threads"}}


def _segments(path: Path, tenant: TenantId) -> float:
    shard = shard_folder(tenant_folder(path.resolve() / "c", tenant))
    assert shard is not None
    return allocated_bytes(shard / "segments") / MEBI


def _p50(store: EdgeStore, tenant: TenantId) -> float:
    taken = [_timed(lambda: store.search("c", tenant, _UNIT, TOP_K)) for _ in range(50)]
    return statistics.median(taken)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--queries", type=int, default=600)
    parser.add_argument("--memory-tenants", type=int, default=1_000)
    parser.add_argument("--memory-points", type=int, default=50)
    parser.add_argument("--optimize-points", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="where stores are made; the temporary folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--opened", help=argparse.SUPPRESS)
    return parser.parse_args()


def _plot(result: Row, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    stores, memory = result["queries"]["stores"], result["memory"]
    names = ["EdgeStore", "bare Edge,\none shard a tenant", "bare Edge,\nfilter on the tenant"]
    bars = left.bar(names, [row["query_ms_p50"] for row in stores], color="#3b6ea5")
    left.bar_label(bars, fmt="%.2f")
    left.set(ylabel="query p50, ms")
    left.margins(y=0.15)
    left.set_title(f"{stores[0]['points']:,} points, {stores[0]['tenants']} tenants, top {TOP_K}")
    bars = right.bar(
        ["resident", "the store's estimate"],
        [memory["resident_mb_per_tenant"], memory["estimated_mb_per_tenant"]],
        color=["#3b6ea5", "#999999"],
    )
    right.bar_label(bars, fmt="%.2f")
    right.set(ylabel="MiB for each open tenant")
    right.margins(y=0.15)
    right.set_title(
        f"{memory['tenants']:,} tenants open, {memory['points_per_tenant']} points each: "
        f"{memory['resident_mb']:.0f} MiB"
    )
    figure.tight_layout()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
