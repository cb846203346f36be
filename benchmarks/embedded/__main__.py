"""What the embedded store costs beside the bare engine, and what many open tenants take.

    python -m benchmarks.embedded [--points 200000] [--tenants 50] [--memory-tenants 1000]

Four parts, each printed when it is measured: queries beside bare Qdrant Edge (``queries``), ways of
searching that the engine has and the store does not use (``indexes``), memory of open tenants
(``memory``), and a vacuum under queries (``vacuum``). A run of all four writes ``embedded.json``
and ``embedded.png``; one of some, for a look, prints only.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..report import print_table, write_json
from .data import SEED, TOP_K, Row
from .indexes import measure_indexes
from .memory import measure_memory
from .plot import write_plot
from .queries import measure_queries
from .vacuum import measure_vacuum

TITLES = {
    "queries": f"top {TOP_K} of one tenant, payload and vector included, in turn",
    "indexes": "other ways to search a tenant of 4,000 points, by the bare engine",
    "memory": "tenants open in one process",
    "vacuum": "a vacuum after half of a tenant was deleted, queried meanwhile",
}


def main() -> None:
    """Measure, print tables, and write JSON and a plot."""
    arguments = _arguments()
    work = arguments.work
    measures: dict[str, Callable[[], Row]] = {
        "queries": lambda: measure_queries(
            arguments.points, arguments.tenants, arguments.queries, work
        ),
        "indexes": lambda: measure_indexes(arguments.queries, work),
        "memory": lambda: measure_memory(arguments.memory_tenants, arguments.memory_points, work),
        "vacuum": lambda: measure_vacuum(arguments.vacuum_points, work),
    }
    result = {part: _measured(part, measures[part]) for part in arguments.parts}
    if len(result) == len(measures):
        write_json(arguments.out, "embedded", result, seed=SEED)
        write_plot(result, arguments.out / "embedded.png")


def _measured(part: str, measure: Callable[[], Row]) -> Row:
    started = time.perf_counter()
    row = measure()
    print_table(
        TITLES[part],
        row.get("rows") or [{"what": what, "value": value} for what, value in row.items()],
    )
    for name, value in row.items():
        if name.startswith("ratio"):
            print(f"{name}: {value:.3f}")
    return {
        **row,
        "took_s": time.perf_counter() - started,
        "load_average": os.getloadavg(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.embedded", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--parts", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--memory-tenants", type=int, default=1_000)
    parser.add_argument("--memory-points", type=int, default=50)
    parser.add_argument("--vacuum-points", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="where stores are made; the temporary folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
