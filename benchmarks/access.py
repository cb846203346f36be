"""What document access costs a query of the embedded store: the same tenant with and without it.

    python benchmarks/access.py --points 4000 --queries 200

The rule is that of a reader in two groups; about a third of the points is open to it. "by re-check
alone" fetches more and leaves out what may not be read, as a tenant without `access.enabled` has
it.
The first filtered query makes payload indexes and is told apart. Times are milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance.current_labels import CurrentLabels
from ragbastion.retrieval_guard.readable import ReadableSearch
from ragbastion.tenancy import AccessLabel, DocumentAccess, EdgeStore, operator_context
from report import print_table, write_json

DIMENSION = 384
TOP_K = 20
SEED = 17
ACME = TenantId("acme")
READER = operator_context(
    tenant=ACME, principal="bob", groups=["sales", "law"], department="north", clearance=1
)
GROUPS = ("sales", "law", "it", "hr", "board", "legal")


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=4_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore(Path(folder) / "store")
        labels = CurrentLabels(Path(folder) / "state")
        rows = measured(store, labels, arguments.points, arguments.queries)
        labels.close()
        store.close()
    print_table(f"top {TOP_K} of {arguments.points} points of one tenant", rows)
    write_json(arguments.out, "access", {"points": arguments.points, "queries": rows}, seed=SEED)


def measured(
    store: EdgeStore, labels: CurrentLabels, points: int, queries: int
) -> list[dict[str, Any]]:
    """Return the times of each way to search, over the same queries."""
    rng = np.random.default_rng(SEED)
    fill(store, points, rng)
    asked = rng.normal(size=(queries, DIMENSION)).astype(np.float32)
    enabled = _search(store, labels, AccessSettings(enabled=True))
    started = time.perf_counter()
    enabled(asked[0], TOP_K)
    first_ms = (time.perf_counter() - started) * 1_000
    ways: dict[str, Callable[[np.ndarray[Any, Any], int], object]] = {
        "no access": lambda vector, limit: store.search("docs", ACME, vector, limit),
        "rule in the filter": enabled,
        "by re-check alone": _search(store, labels, AccessSettings(unlabelled="allow")),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for vector in asked:
        for name, search in ways.items():
            started = time.perf_counter()
            search(vector, TOP_K)
            times[name].append((time.perf_counter() - started) * 1_000)
    rows = [
        {"search": name, "p50": _at(each, 50), "p95": _at(each, 95)} for name, each in times.items()
    ]
    return [*rows, {"search": "first with the rule", "p50": first_ms, "p95": first_ms}]


def fill(store: EdgeStore, points: int, rng: np.random.Generator) -> None:
    """Write labelled points in batches."""
    store.create_collection("docs", EmbedderIdentity(model="m", dimension=DIMENSION))
    for start in range(0, points, 1_000):
        size = min(1_000, points - start)
        vectors = rng.normal(size=(size, DIMENSION)).astype(np.float32)
        batch = [_point(start + at, vector) for at, vector in enumerate(vectors)]
        store.upsert("docs", ACME, batch)


def _point(number: int, vector: np.ndarray[Any, Any]) -> StoredPoint:
    label = AccessLabel(
        owner=f"user-{number % 50}",
        groups=frozenset({GROUPS[number % len(GROUPS)]}),
        classification=number % 2,
    )
    payload = {"text": "x" * 900, "metadata": {"page": number}, **label.as_payload()}
    return StoredPoint(id=ChunkId(str(number)), vector=vector, payload=payload)


def _search(
    store: EdgeStore, labels: CurrentLabels, settings: AccessSettings
) -> Callable[[np.ndarray[Any, Any], int], object]:
    access = DocumentAccess(settings, MemoryEventSink())
    return ReadableSearch(store, access, store.collection("docs"), READER, labels)


def _at(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


if __name__ == "__main__":
    main()
