"""The matrix as a picture; the only module here that knows matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .attack import Tallies
from .calls import GENERATED, TAGS
from .findings import EVERY, Tally
from .show import GREEN, LEAK, NONE, REFUSED, state

_COLOURS = {NONE: "#f2f2f2", REFUSED: "#f6c85f", GREEN: "#6fae6f", LEAK: "#c0392b"}
_NAMES = {NONE: "not tried", REFUSED: "refused", GREEN: "no leak", LEAK: "LEAK"}
_STATES = list(_COLOURS)
_DPI = 110


def write_matrix(out: Path, tallies: Tallies) -> Path:
    """Draw method by attack, one panel a client; return the PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    methods, tags = [*GENERATED, "close"], [EVERY, *TAGS]
    size = (2.2 + 3.4 * len(tallies), 7.5)
    figure, panels = plt.subplots(
        1, len(tallies), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    colours = ListedColormap(list(_COLOURS.values()))
    for axes, (name, tally) in zip(panels[0], tallies.items(), strict=True):
        axes.imshow(_numbers(tally, methods, tags), cmap=colours, vmin=0, vmax=3, aspect="auto")
        axes.set_xticks(range(len(tags)), tags, rotation=90)
        axes.set_yticks(range(len(methods)), methods)
        axes.set_xticks(np.arange(-0.5, len(tags)), minor=True)
        axes.set_yticks(np.arange(-0.5, len(methods)), minor=True)
        axes.grid(which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="both", length=0)
        axes.set_title(f"{name}\n{tally.calls:,} calls, {sum(tally.leaks.values()):,} leaks")
    figure.legend(
        handles=[Patch(color=colour, label=_NAMES[key]) for key, colour in _COLOURS.items()],
        loc="outside lower center",
        ncols=len(_COLOURS),
    )
    path = out / "tenancy.png"
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
    return path


def _numbers(tally: Tally, methods: list[str], tags: list[str]) -> list[list[int]]:
    """Return the place of each cell's state among the colours, (methods, tags)."""
    return [
        [_STATES.index(state(tally.cells.get(method, {}).get(tag))) for tag in tags]
        for method in methods
    ]
