"""A vacuum of a tenant of which half was deleted, while another thread queries it."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

from ragbastion.core.chunk import ChunkId
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.edge_folders import shard_folder, tenant_folder
from ragbastion.tenancy.store_files import allocated_bytes

from .data import COLLECTION, EMBEDDER, TOP_K, UNIT, Row, points_of, tenant_id, timed_ms

_MEBI = 2**20
_TENANT = tenant_id(0)


def measure_vacuum(points: int, work: Path | None) -> Row:
    """Delete half of a tenant and have its shard rewritten."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        store = EdgeStore(Path(folder), optimize=False)
        store.create_collection(COLLECTION, EMBEDDER)
        store.upsert(COLLECTION, _TENANT, points_of(0, points))
        store.delete(COLLECTION, _TENANT, [ChunkId(f"c{at}") for at in range(points // 2)])
        before, segments = _p50(store), _segments_mb(Path(folder))
        with _Asking(store) as asking:
            started = time.perf_counter()
            if not store.optimize(COLLECTION, _TENANT):
                raise SystemExit("the shard was not rewritten")
            seconds = time.perf_counter() - started
        row = {
            "points": points,
            "deleted": points // 2,
            "seconds": seconds,
            "queries_meanwhile": len(asking.times),
            "longest_query_meanwhile_ms": max(asking.times),
            "query_ms_p50_before": before,
            "query_ms_p50_after": _p50(store),
            "segments_mb_before": segments,
            "segments_mb_after": _segments_mb(Path(folder)),
        }
        store.close()
    return row


class _Asking:
    """A thread that queries the tenant again and again and keeps the times, in ms."""

    def __init__(self, store: EdgeStore) -> None:
        self.times: list[float] = []
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.times.append(timed_ms(lambda: _ask(self._store)))
            time.sleep(0.001)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _ask(store: EdgeStore) -> None:
    store.search(COLLECTION, _TENANT, UNIT, TOP_K)


def _p50(store: EdgeStore) -> float:
    return statistics.median(timed_ms(lambda: _ask(store)) for _ in range(50))


def _segments_mb(path: Path) -> float:
    shard = shard_folder(tenant_folder(path.resolve() / COLLECTION, _TENANT))
    if shard is None:
        raise SystemExit("the tenant has no shard")
    return allocated_bytes(shard / "segments") / _MEBI
