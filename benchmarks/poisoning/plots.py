"""The pictures; the only module of this benchmark that knows matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .methods import ALONE, NO_GUARD, OURS

_DPI = 110
NAMES = ("poisoning_families.png", "poisoning_tradeoff.png", "poisoning_map.png")
Fields = Mapping[str, Any]


def write_families(out: Path, attacks: Sequence[Fields]) -> Path:
    """Draw PE@5 of no guard and of ours, a panel a budget and a bar a family."""
    budgets = list(dict.fromkeys(row["budget"] for row in attacks))
    families = list(dict.fromkeys(row["family"] for row in attacks))
    plt = _pyplot()
    height = 0.24 * len(families) + 1.6
    figure, panels = plt.subplots(
        1, len(budgets), figsize=(3.2 + 2.4 * len(budgets), height), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    places = np.arange(len(families))
    for axes, budget in zip(panels[0], budgets, strict=True):
        for shift, method in ((-0.2, NO_GUARD), (0.2, OURS)):
            values = {
                row["family"]: row["PE@5"]
                for row in attacks
                if (row["method"], row["budget"]) == (method, budget)
            }
            axes.barh(places + shift, [values.get(f, 0.0) for f in families], 0.4, label=method)
        axes.set(title=budget, xlim=(0, 1), xlabel="PE@5")
    panels[0][0].set_yticks(places, [_plain(name) for name in families])
    panels[0][0].invert_yaxis()
    panels[0][-1].legend(fontsize=8)
    return _save(figure, out / NAMES[0])


def write_tradeoff(out: Path, summary: Sequence[Fields], honest: Sequence[Fields]) -> Path:
    """Draw gold kept with nothing planted against exposure, a point a method and budget."""
    plt = _pyplot()
    gold = {row["method"]: row["GK@10"] for row in honest}
    methods = [m for m in dict.fromkeys(r["method"] for r in summary) if not m.startswith(ALONE)]
    markers = dict(zip(dict.fromkeys(row["budget"] for row in summary), "osD^v", strict=False))
    figure, axes = plt.subplots(figsize=(8.5, 5), layout="constrained")
    for number, method in enumerate(methods):
        for row in summary:
            if row["method"] == method and gold[method] is not None:
                axes.scatter(
                    row["PE@5 macro"], gold[method], marker=markers[row["budget"]],
                    color=f"C{number % 10}", s=70 if method == OURS else 35, alpha=0.8,
                )  # fmt: skip
        axes.scatter([], [], color=f"C{number % 10}", label=_plain(method))
    for budget, marker in markers.items():
        axes.scatter([], [], marker=marker, color="0.4", label=budget)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.03))
    axes.set(xlabel="PE@5, mean over families (left is better)", ylabel="GK@10, nothing planted")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, out / NAMES[1])


def write_map(
    out: Path, vectors: NDArray[np.float32], kinds: Sequence[str], held: NDArray[np.bool_]
) -> Path:
    """Draw documents in the plane (t-SNE of their vectors), and which were quarantined.

    ``kinds`` is "clean" or a group of poison, (n,).
    """
    plt = _pyplot()
    places = flat(vectors)
    figure, axes = plt.subplots(figsize=(8.5, 6), layout="constrained")
    for number, kind in enumerate(sorted(set(kinds), key=lambda kind: kind != "clean")):
        inside = np.array([each == kind for each in kinds])
        clean = kind == "clean"
        axes.scatter(
            *places[inside].T, s=5 if clean else 14, color="0.75" if clean else f"C{number}",
            label=f"{kind} ({int(held[inside].sum())} of {int(inside.sum())} held)",
        )  # fmt: skip
    axes.scatter(
        *places[held].T, s=60, facecolors="none", edgecolors="black", linewidths=0.7,
        label="quarantined",
    )  # fmt: skip
    axes.set(xticks=[], yticks=[], title="The collection and what was sent to it")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, out / NAMES[2])


def flat(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return places in the plane, (n, 2): t-SNE, and principal components where n is small."""
    if len(vectors) < 30:
        centred = vectors - vectors.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        found = np.zeros((len(vectors), 2))
        kept = centred @ axes[:2].T
        found[:, : kept.shape[1]] = kept
        return found
    from sklearn.manifold import TSNE

    made = TSNE(n_components=2, metric="cosine", init="random", random_state=0, perplexity=20)
    return np.asarray(made.fit_transform(vectors), dtype=np.float64)


def _plain(text: str) -> str:
    # Between two dollar signs matplotlib would read a formula, and fail on most.
    return "".join(c if c.isprintable() else "?" for c in text).replace("$", r"\$")


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=_DPI)
    _pyplot().close(figure)
    return path
