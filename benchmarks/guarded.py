"""What the guard adds to ``query_points``: to qdrant-client's local mode, and over loopback HTTP.

    python benchmarks/guarded.py --out benchmarks/results

The plain client sends the filter that the guard would add and gets the same points. Both are asked
in turn, the first one changing; a pair of calls gives one ratio and one difference, of which the
median counts, by the clock and by the asking thread's processor time. Over HTTP a server that
answers at once stands in for a real one, so nothing hides the guard's own time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from instant_server import answering
from qdrant_client import QdrantClient, models
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import GuardedQdrantClient, operator_context
from report import print_table, write_bars, write_json

DIMENSION = 384
TEXT_CHARS = 400
TOP_K = 10
POINTS = 5_000
TENANTS = 10
SEED = 7
MOST_RATIO = 1.10
MOST_ADDED_MS = 0.15

Row = dict[str, Any]
Found = Sequence[models.ScoredPoint]
Ask = Callable[[str, list[float]], Found]


def main() -> None:
    """Measure, print a table, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--local-queries", type=int, default=100)
    parser.add_argument("--http-queries", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    local, plain, guarded = _local()
    rows = [{"over": "local mode", **_in_turn(plain, guarded, options.local_queries, TENANTS)}]
    with answering(_stored(local)) as url:
        remote = QdrantClient(url=url, check_compatibility=False)
        asks = (_plain(remote), _guarded(remote))
        rows.append({"over": "loopback HTTP", **_in_turn(*asks, options.http_queries, 1)})
    met = {
        "local_ratio": rows[0]["ratio"] <= MOST_RATIO,
        "http_added_ms": rows[1]["added_ms"] <= MOST_ADDED_MS,
    }
    print_table(f"query_points, top {TOP_K} of {POINTS:,} points in {TENANTS} tenants", rows)
    print(f"at most {MOST_RATIO} in local mode, {MOST_ADDED_MS} ms over HTTP: {met}")
    found = {"rows": rows, "met": met, "load_average": os.getloadavg()}
    write_json(options.out, "guarded", found, seed=SEED)
    added = {
        "by the clock": {row["over"]: row["added_ms"] for row in rows[1:]},
        "processor": {row["over"]: row["added_cpu_ms"] for row in rows[1:]},
        "target": {row["over"]: MOST_ADDED_MS for row in rows[1:]},
    }
    write_bars(options.out, "guarded", "What the guard adds to a call", added, "ms a call")


def _in_turn(plain: Ask, guarded: Ask, queries: int, tenants: int) -> Row:
    """Return medians of the calls, of their ratios and of their differences."""
    rng = np.random.default_rng(SEED)
    taken: dict[str, list[tuple[float, float]]] = {"plain": [], "guarded": []}
    asks = {"plain": plain, "guarded": guarded}
    for number in range(-TENANTS, queries):  # those before 0 are not counted
        tenant = f"t{number % tenants}"
        vector = rng.standard_normal(DIMENSION).tolist()
        found = {}
        for name in ("plain", "guarded")[:: 1 if number % 2 else -1]:
            found[name], times = _timed(asks[name], tenant, vector)
            if number >= 0:
                taken[name].append(times)
        if _texts(found["plain"]) != _texts(found["guarded"]):
            raise SystemExit("the clients do not return the same points")
    pairs = list(zip(taken["plain"], taken["guarded"], strict=True))
    return {
        "queries": queries,
        "plain_ms_p50": statistics.median(clock for clock, _ in taken["plain"]),
        "guarded_ms_p50": statistics.median(clock for clock, _ in taken["guarded"]),
        "ratio": statistics.median(g[0] / p[0] for p, g in pairs),
        "ratio_cpu": statistics.median(g[1] / p[1] for p, g in pairs),
        "added_ms": statistics.median(g[0] - p[0] for p, g in pairs),
        "added_cpu_ms": statistics.median(g[1] - p[1] for p, g in pairs),
    }


def _texts(found: Found) -> list[str]:
    return [(hit.payload or {})["text"] for hit in found]


def _timed(ask: Ask, tenant: str, vector: list[float]) -> tuple[Found, tuple[float, float]]:
    clock, processor = time.perf_counter(), time.thread_time()
    found = ask(tenant, vector)
    used = time.thread_time() - processor
    return found, ((time.perf_counter() - clock) * 1000, used * 1000)


def _local() -> tuple[QdrantClient, Ask, Ask]:
    """Return a filled local client, and both ways to ask it."""
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=size)
    vectors = np.random.default_rng(SEED).standard_normal((POINTS, DIMENSION))
    for tenant in range(TENANTS):
        points = [
            models.PointStruct(id=at, vector=vectors[at].tolist(), payload=_payload(at))
            for at in range(tenant, POINTS, TENANTS)
        ]
        _client_of(client, f"t{tenant}").upsert("c", points)
    return client, _plain(client), _guarded(client)


def _stored(local: QdrantClient) -> bytes:
    """Return a server's answer: ten points of the first tenant as they are kept."""
    points = [hit.model_dump(mode="json") for hit in _plain(local)("t0", [1.0] * DIMENSION)]
    return json.dumps({"result": {"points": points}, "status": "ok", "time": 0.0}).encode()


def _plain(client: QdrantClient) -> Ask:
    def ask(tenant: str, vector: list[float]) -> Found:
        match = models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))
        owned = models.Filter(must=[match])
        return client.query_points("c", vector, query_filter=owned, limit=TOP_K).points

    return ask


def _guarded(client: QdrantClient) -> Ask:
    guards = {f"t{tenant}": _client_of(client, f"t{tenant}") for tenant in range(TENANTS)}

    def ask(tenant: str, vector: list[float]) -> Found:
        return guards[tenant].query_points("c", vector, limit=TOP_K).points

    return ask


def _client_of(client: QdrantClient, tenant: str) -> GuardedQdrantClient:
    context = operator_context(tenant=tenant, principal="bench")
    return GuardedQdrantClient(client, context, MemoryEventSink())


def _payload(number: int) -> Row:
    return {"text": f"{number} ".ljust(TEXT_CHARS, "x"), "source": f"s{number % 7}"}


if __name__ == "__main__":
    main()
