"""The picture of the benchmark: query times beside bare Edge, and memory of an open tenant."""

from __future__ import annotations

from pathlib import Path

from .data import TOP_K, Row


def write_plot(result: Row, path: Path) -> None:
    """Draw both; ``result`` is what the JSON file holds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    queries, memory = result["queries"], result["memory"]
    names = [row["store"].replace(", ", ",\n") for row in queries["rows"]]
    times = [row["query_ms_p50"] for row in queries["rows"]]
    colors = ["#3b6ea5"] + ["#999999"] * (len(names) - 1)
    left.bar_label(left.bar(names, times, color=colors), fmt="%.2f")
    left.tick_params(axis="x", labelsize=8)
    left.set(ylabel="query p50, ms")
    left.margins(y=0.15)
    left.set_title(f"{queries['points']:,} points, {queries['tenants']} tenants, top {TOP_K}")
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
