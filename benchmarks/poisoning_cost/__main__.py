"""What the defence against poisoning costs as a collection grows, beside a scan of all of it.

    python -m benchmarks.poisoning_cost --data DIR --out DIR [--sizes N …] [--small]

DIR of the data holds ``poison/clean_*.jsonl``, of whose sentences the documents are made
(`texts`). Every size is given the same documents and questions in turn, so that other work on the
machine falls on all alike, and times are of the processor. A search of the store is told apart from
the signals' own cost. Then one source brings ``--flood`` documents, as an established one and in
probation. ``--small`` runs all of it in seconds, for a look.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.settings_signals import SignalSettings
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore

from ..report import print_table, write_json
from .collection import BATCH, Collection
from .flood import flooded, resident_mb
from .ingestion import FRESH, Watched, measure_documents, scan_ms, store_ms
from .plot import write_plot
from .queries import measure_queries
from .texts import SEED, Texts, WordVectors

TARGET_MS = 5.0
TARGET_FLAT = 0.2
SAVED_EVERY = SignalSettings().save_every_documents
_SCANS = 2
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and write JSON and a plot."""
    options = _options(arguments)
    texts = Texts(options.data / "poison")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        result = measure_sizes(texts, options, Path(folder))
        result["embedded_store"] = measure_store(texts, options.store_points, Path(folder))
        result["flood"] = measure_flood(options.data, options.flood, Path(folder))
    result |= judged(result)
    result["largest resident, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for title, rows in (
        ("A document, beyond embedding", result["documents"]),
        ("A query of 40 candidates", result["queries"]),
        ("The embedded store, which searches exactly", result["embedded_store"]),
    ):
        _print(title, rows)
    print_table("One source without end", result["flood"])
    print("targets met:", result["met"], "to smallest:", result["flat"])
    write_json(options.out, "poisoning_cost", result, seed=SEED)
    write_plot(
        result["documents"], result["queries"], result["flood"], options.out / "poisoning_cost.png"
    )


def measure_sizes(texts: Texts, options: argparse.Namespace, folder: Path) -> Row:
    """Return what documents and queries cost at each size."""
    matrix = texts.vectors(max(options.sizes))
    collections = []
    for size in sorted(options.sizes):
        started = time.perf_counter()
        graph = (options.graphs or folder) / f"graph{size}"
        collections.append(Collection(texts, matrix[:size], graph))
        print(f"graph of {size:,}: {time.perf_counter() - started:.0f} s", flush=True)
    before = resident_mb()
    watched = [Watched(each, folder / "baselines") for each in collections]
    documents = measure_documents(watched, options.batches)
    grown = resident_mb() - before
    queries = measure_queries(collections, options.queries)
    fresh = texts.vectors_of(range(FRESH, FRESH + BATCH))
    for row, each in zip(documents, collections, strict=True):
        row["signals and learning, ms"] = whole_ms(row)
        row["scan, ms"] = min(scan_ms(each.matrix, fresh) for _ in range(_SCANS))
        row["scan to signals"] = row["scan, ms"] / row["signals and learning, ms"]
        row["index recall at 8"] = each.recall(fresh[:8], 8)
        row["index build, s"] = each.build_s
        each.close()
    return {"documents": documents, "queries": queries, "grown by all baselines, MB": grown}


def whole_ms(row: Row) -> float:
    """Return what a document costs of the dearer standing, its share of saving included."""
    return row["save, ms"] / SAVED_EVERY + max(
        row[f"signals, {kind}, ms"] + row[f"learning, {kind}, ms"]
        for kind in ("established", "in probation")
    )


def measure_store(texts: Texts, points: Sequence[int], folder: Path) -> list[Row]:
    """Return what one search of the embedded store costs, which compares with every point."""
    rows = []
    fresh = texts.vectors_of(range(FRESH, FRESH + BATCH))
    for count in points:
        matrix, tenant = texts.vectors(count), TenantId("bench")
        store = EdgeStore(folder / f"store{count}")
        store.create_collection("bench", WordVectors.identity)
        for start in range(0, count, 5_000):
            store.upsert(
                "bench",
                tenant,
                [
                    StoredPoint(
                        id=ChunkId(f"c{at}"), vector=matrix[at], payload={"text": texts.text(at)}
                    )
                    for at in range(start, min(start + 5_000, count))
                ],
            )
        spent = store_ms(partial(store.search, "bench", tenant, limit=8), fresh)
        rows.append(
            {"points": count, "search, ms": spent, "ms a 1,000 points": spent * 1e3 / count}
        )
        store.close()
    return rows


def measure_flood(data: Path, documents: int, folder: Path) -> list[Row]:
    """Return how a source of that many documents fares, established and in probation.

    Each in a process of its own, whose memory is then that of one flood.
    """
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = [
            pool.submit(flooded, data, documents, folder / f"flood{new}", new)
            for new in (False, True)
        ]
        return [row for run in runs for row in run.result()]


def judged(result: Row) -> Row:
    """Return how each cost grows from the smallest to the largest size, and the targets met."""
    documents, queries = result["documents"], result["queries"]
    flat = {
        "document": documents[-1]["signals and learning, ms"]
        / documents[0]["signals and learning, ms"],
        "query": queries[-1]["corroborate, ms"] / queries[0]["corroborate, ms"],
        "query, same candidates": queries[-1]["corroborate the same, ms"]
        / queries[0]["corroborate the same, ms"],
        "baseline": documents[-1]["baseline in memory, MB"]
        / documents[0]["baseline in memory, MB"],
    }
    met = {
        "document": max(row["signals and learning, ms"] for row in documents) <= TARGET_MS,
        "query": max(row["corroborate, ms"] for row in queries) <= TARGET_MS,
        "query, p95": max(row["p95, ms"] for row in queries) <= TARGET_MS,
        "document, flat": flat["document"] <= 1 + TARGET_FLAT,
        "query, flat": flat["query"] <= 1 + TARGET_FLAT,
        "query, same candidates, flat": flat["query, same candidates"] <= 1 + TARGET_FLAT,
        "flood within an hour": min(row["documents an hour"] for row in result["flood"]) >= 100_000,
    }
    return {"flat": flat, "met": met, "target_ms": TARGET_MS}


def _print(title: str, rows: Sequence[Row]) -> None:
    """Print rows as columns: there are more measures than sizes."""
    first, *others = rows[0]
    names = [
        f"{row[first]:,}" if isinstance(row[first], int) else str(at) for at, row in enumerate(rows)
    ]
    print_table(
        title,
        [
            {first: key, **{name: row[key] for name, row in zip(names, rows, strict=True)}}
            for key in others
        ],
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.poisoning_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--batches", type=int, default=20, help="of 64 documents, at each size")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--flood", type=int, default=100_000)
    parser.add_argument("--store-points", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--work", type=Path, help="where indexes are made; the temporary folder")
    parser.add_argument("--graphs", type=Path, help="keep the indexes here for the next run")
    parser.add_argument("--small", action="store_true", help="run all of it in seconds")
    options = parser.parse_args(arguments)
    if options.small:
        options.sizes, options.batches, options.queries = [500, 2_000], 2, 8
        options.flood, options.store_points = 640, [200, 400]
    return options


if __name__ == "__main__":
    main()
