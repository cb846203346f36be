"""The three pictures; the only module that knows matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .methods import Judged
from .metrics import Calibration, roc
from .rows import Row
from .tables import is_attack

_DPI = 120


def write_roc(out: Path, rows: Sequence[Row], methods: Mapping[str, Judged]) -> Path:
    """Draw recall against false alarms of every method on the same documents."""
    figure, axes = _axes(7, 5)
    attacks = is_attack(rows)
    floor = 0.5 / max(int((~attacks).sum()), 1)
    for number, (name, said) in enumerate(methods.items()):
        alarms, recall = roc(said.scores, attacks)
        # A logarithmic axis has no zero: no false alarm stands at half of one.
        x = np.maximum(alarms, floor)
        axes.step(x, recall, where="post", label=name, linewidth=2.5 if number == 0 else 1.3)
    for budget in (0.001, 0.01, 0.05):
        axes.axvline(budget, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xscale="log", xlim=(floor, 1), ylim=(0, 1.02))
    axes.set(xlabel="false alarms, share of harmless documents", ylabel="recall")
    axes.set_title(f"{int(attacks.sum())} attacks, {int((~attacks).sum())} harmless documents")
    axes.legend(fontsize=8, loc="best")
    return _save(figure, out / "injection_roc.png")


def write_sources(
    out: Path, attacks: Sequence[Mapping[str, Any]], alarms: Sequence[Mapping[str, Any]]
) -> Path:
    """Draw recall of every source and kind of attacks, and false alarms of every harmless one."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    _bars(left, attacks, {"at_1": "at 1 % false alarms", "stop": "quarantined"})
    left.set(title="Attacks found", xlim=(0, 1), xlabel="recall")
    harmless = [row for row in alarms if row["source"] != "all"]
    _bars(right, harmless, {"at_1": "at 1 % false alarms in all", "stop": "quarantined"})
    highest = max([0.05, *(row[name] or 0.0 for row in harmless for name in ("at_1", "stop"))])
    right.set(title="Harmless documents held", xlim=(0, highest * 1.05), xlabel="false alarms")
    return _save(figure, out / "injection_sources.png")


def write_calibration(out: Path, curves: Mapping[str, Calibration]) -> Path:
    """Draw the share of attacks against the mean score of each bin, dots sized by weight."""
    figure, axes = _axes(5, 5)
    axes.plot((0, 1), (0, 1), color="0.7", linewidth=1)
    for name, found in curves.items():
        _, weights, scores, truths = np.array(found.bins).T
        label = f"{name}: ECE {found.ece:.3f}, Brier {found.brier:.3f}"
        [line] = axes.plot(scores, truths, label=label)
        axes.scatter(scores, truths, s=15 + 300 * weights, color=line.get_color(), alpha=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share of attacks")
    axes.set_title("Calibration")
    axes.legend(fontsize=8)
    return _save(figure, out / "injection_calibration.png")


def _bars(axes: Any, table: Sequence[Mapping[str, Any]], series: Mapping[str, str]) -> None:
    places = np.arange(len(table))
    height = 0.8 / len(series)
    for number, (name, label) in enumerate(series.items()):
        values = [row[name] or 0.0 for row in table]
        axes.barh(places + number * height, values, height, label=label)
    names = [f"{row['source']}, {row['kind']} ({row['n']})" for row in table]
    # Between two dollar signs matplotlib would read a formula, and fail on most.
    axes.set_yticks(places + 0.4 - height / 2, [name.replace("$", r"\$") for name in names])
    axes.invert_yaxis()
    axes.legend(fontsize=8)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
    return path
