"""Queries of the embedded store beside bare Edge: each asked in turn, by clock and by processor."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from .data import DIMENSION, SEED, UNIT, Row, points_of
from .peers import Filtered, Guarded, Peer, ShardEach

STORE = "EdgeStore"
_MEBI = 2**20


def measure_queries(points: int, tenants: int, queries: int, work: Path | None) -> Row:
    """Fill all with the same points, tenant by tenant, and ask the same of each in turn."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        peers: dict[str, Peer] = {
            STORE: Guarded(Path(folder) / "store"),
            "bare, one shard, tenant filter": Filtered(Path(folder) / "filtered"),
            "bare, shard each": ShardEach(Path(folder) / "shards"),
        }
        seconds = _fill(peers, tenants, points // tenants)
        _read_through(Path(folder))
        clock, processor = _ask(peers, tenants, queries)
        for peer in peers.values():
            peer.close()
    rows = [
        {
            "store": name,
            "ingest_points_per_s": points / seconds[name],
            "query_ms_p50": statistics.median(taken),
            "query_ms_p95": sorted(taken)[int(0.95 * (len(taken) - 1))],
            "query_cpu_ms_p50": statistics.median(processor[name]),
            "store_to_it_p50": _ratio(clock, name),
            "store_to_it_cpu_p50": _ratio(processor, name),
        }
        for name, taken in clock.items()
    ]
    ratios = {f"ratio_p50_to_{row['store']}": row["store_to_it_p50"] for row in rows[1:]}
    sizes = {"points": points, "tenants": tenants, "queries": queries}
    return {"rows": rows, **sizes, "build_s": sum(seconds.values()), **ratios}


def _ratio(times: dict[str, list[float]], name: str) -> float:
    return statistics.median(times[STORE]) / statistics.median(times[name])


def _fill(peers: dict[str, Peer], tenants: int, share: int) -> dict[str, float]:
    """Write each tenant into all, so that none has lain idle longer; return seconds by store."""
    seconds = dict.fromkeys(peers, 0.0)
    for tenant in range(tenants):
        points = points_of(tenant, share)
        for name, peer in peers.items():
            started = time.perf_counter()
            peer.fill(tenant, points)
            seconds[name] += time.perf_counter() - started
    return seconds


def _ask(
    peers: dict[str, Peer], tenants: int, queries: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return milliseconds of each query by the clock and of the asking thread's processor time.

    The order moves on with each query, so that none is always asked after the same other one.
    """
    rng = np.random.default_rng(SEED)
    names = list(peers)
    for tenant in range(tenants):  # what is opened and read at the first query is not measured
        for name in names:
            peers[name].query(tenant, UNIT)
    clock: dict[str, list[float]] = {name: [] for name in names}
    processor: dict[str, list[float]] = {name: [] for name in names}
    for number in range(queries):
        tenant = number * 7 % tenants
        vector = rng.standard_normal(DIMENSION, dtype=np.float32)
        first = number % len(names)
        found = {}
        for name in names[first:] + names[:first]:
            started, used = time.perf_counter(), time.thread_time()
            found[name] = peers[name].query(tenant, vector)
            processor[name].append((time.thread_time() - used) * 1000)
            clock[name].append((time.perf_counter() - started) * 1000)
        if len(set(map(tuple, found.values()))) != 1:
            raise SystemExit("the stores do not return the same points")
    return clock, processor


def _read_through(root: Path) -> None:
    """Bring every file's data into the page cache, holes left out.

    Else what is compared may be whose pages the kernel dropped meanwhile.
    """
    for path in (each for each in root.rglob("*") if each.is_file()):
        with path.open("rb", buffering=0) as file:
            end = 0
            while True:
                try:
                    start = os.lseek(file.fileno(), end, os.SEEK_DATA)
                except OSError:  # only a hole is left
                    break
                end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                for at in range(start, end, _MEBI):
                    os.pread(file.fileno(), min(_MEBI, end - at), at)
