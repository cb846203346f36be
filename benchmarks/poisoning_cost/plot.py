"""The picture of the benchmark: cost by size of the collection, and a flood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_plot(
    documents: Sequence[Row], queries: Sequence[Row], flood: Sequence[Row], path: Path
) -> None:
    """Draw all three."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    sizes = [row["vectors"] for row in documents]
    for key, name in (
        ("scan, ms", "scan of all (peer)"),
        ("signals and learning, ms", "signals and learning"),
        ("search, ms", "graph index, one search"),
    ):
        left.plot(sizes, [row[key] for row in documents], marker="o", label=name)
    left.set(xscale="log", yscale="log", xlabel="vectors", title="CPU ms a document")
    for key in ("corroborate, ms", "corroborate the same, ms", "p95, ms"):
        middle.plot(
            sizes, [row[key] for row in queries], marker="o", label=key.removesuffix(", ms")
        )
    middle.set(
        xscale="log", ylim=(0, None), xlabel="vectors", title="CPU ms a query, 40 candidates"
    )
    for standing in dict.fromkeys(row["standing"] for row in flood):
        rows = [row for row in flood if row["standing"] == standing]
        right.plot(
            [row["documents"] for row in rows],
            [row["ms a document"] for row in rows],
            marker="o",
            label=standing,
        )
    right.set(ylim=(0, None), xlabel="documents of one source", title="CPU ms a document, flood")
    for axes in (left, middle):
        axes.axhline(5.0, color="#999999", linestyle="--", linewidth=1)
    for axes in (left, middle, right):
        axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
