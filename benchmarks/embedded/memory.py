"""What many open tenants take: a process of its own opens and searches every one of them.

python -m benchmarks.embedded.memory FOLDER TENANTS
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.store_files import allocated_bytes

from .data import COLLECTION, EMBEDDER, TOP_K, UNIT, Row, points_of, proc_status, tenant_id

_MEBI = 2**20


def measure_memory(tenants: int, points: int, work: Path | None) -> Row:
    """Fill a store with many tenants and open them all in another process."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        store = EdgeStore(Path(folder), max_open_shards=8)
        store.create_collection(COLLECTION, EMBEDDER)
        started = time.perf_counter()
        for tenant in range(tenants):
            store.upsert(COLLECTION, tenant_id(tenant), points_of(tenant, points))
        seconds = time.perf_counter() - started
        store.close()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.embedded.memory", folder, str(tenants)],
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
        disk = allocated_bytes(Path(folder))
    return {
        "tenants": tenants,
        "points_per_tenant": points,
        "create_ms_per_tenant": seconds / tenants * 1000,
        "disk_mb_per_tenant": disk / tenants / _MEBI,
        **json.loads(done.stdout),
    }


def opened(folder: Path, tenants: int) -> Row:
    """Open and search every tenant; return what this process holds then, by Linux's VmRSS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * tenants)), hard))
    store = EdgeStore(folder, max_open_shards=2 * tenants, max_open_bytes=2**40)
    before = proc_status("VmRSS")
    started = time.perf_counter()
    for tenant in range(tenants):
        store.search(COLLECTION, tenant_id(tenant), UNIT, TOP_K)
    seconds = time.perf_counter() - started
    after = proc_status("VmRSS", "Threads")
    shards, estimate = store._shards.count, store._shards.size
    started = time.perf_counter()
    store.close()
    return {
        "open_shards": shards,
        "resident_mb": after["VmRSS"] / 1024,
        "resident_mb_per_tenant": (after["VmRSS"] - before["VmRSS"]) / 1024 / tenants,
        "estimated_mb_per_tenant": estimate / tenants / _MEBI,
        "threads": after["Threads"],
        "open_and_search_ms": seconds / tenants * 1000,
        "close_ms": (time.perf_counter() - started) / tenants * 1000,
    }


if __name__ == "__main__":
    print(json.dumps(opened(Path(sys.argv[1]), int(sys.argv[2]))))
