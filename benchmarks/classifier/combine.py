"""Weigh rules and network into one probability, and report the leave-one-source-out figures.

    python -m benchmarks.classifier.combine --work DIR [--judged NAME] [--write]

``--work`` holds what ``train`` judged: documents of sources that the network did not see. Each fold
is scored by weights fitted on the other folds. ``--judged base`` reports the network that saw no
public file at all, ``--judged later`` the one that saw no later seed; ``--write`` replaces
``ingest/scanner/model/combination.json`` and ``benchmarks/results/injection_loso.json``. The rules
were written with the public files in view: the column "network" is the one in which nothing was.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.benchmarks.injection.metrics import auroc, limit_for
from ragbastion.benchmarks.report import origin
from ragbastion.ingest.scanner.model_files import SHIPPED

from .fitting import (
    BUDGETS,
    Floats,
    Judged,
    fit,
    judged,
    left_out_scores,
    network_only,
    score,
    with_rules,
)
from .rows import FAMILIES, FOLDS, without_trigger
from .scoring import read_judged
from .synthesis import Example

_PROTOCOL = (
    "Five folds leave out two or more public files each, attacks and harmless texts; network and "
    "weights are fitted without them. 'rules' and 'both' use rules that were written with these "
    "files in view; 'network' uses nothing that was. 'families' leaves out kinds of attack instead."
)
_COMMAND = (
    "python -m benchmarks.classifier.train --data DATA --work WORK && "
    "python -m benchmarks.classifier.combine --work WORK --write"
)
RESULTS = Path(__file__).parents[1] / "results" / "injection_loso.json"
_MIN_ATTACKS = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and with ``--write`` replace the committed weights and figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--judged", choices=("folds", "base", "later"), default="folds")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    folds = list(FOLDS) if options.judged == "folds" else [options.judged]
    documents = load(options.work, folds)
    public = len(documents)
    if options.judged == "folds":
        documents += load(options.work, ["later"])
    alone = [network_only(d) for d in documents]
    both, _ = with_rules(documents, left_out_scores(documents), public)
    scores = {"both": both, "network": left_out_scores(alone)}
    scores["rules"] = np.array([d.features[:, 0].max() for d in documents])
    figures = {name: table(documents[:public], values[:public]) for name, values in scores.items()}
    show(figures)
    later = {
        name: by_source(documents[public:], values[public:], figures[name]["limits"])
        for name, values in scores.items()
    }
    show({f"later {name}": {"sources": rows, "macro": {}} for name, rows in later.items()})
    families = family_recall(options.work, fit(documents))
    print("families left out", json.dumps(families))
    if options.write:
        write(documents, public, figures | {"families": families, "later": later["both"]})
    return 0


def load(work: Path, names: Sequence[str]) -> list[Judged]:
    """Read the judged documents of ``names`` with their features."""
    return [
        judged(example, fold_of(example, name), sentences)
        for name in names
        for example, sentences in read_judged(work / f"judged-{name}.jsonl")
    ]


def fold_of(example: Example, name: str) -> str:
    """Return the fold that leaves out the example's source; each file of seeds is one."""
    if name == "later":
        return example.source
    return next((fold for fold, sources in FOLDS.items() if example.source in sources), name)


def family_recall(work: Path, values: Floats) -> dict[str, dict[str, float]]:
    """Return recall by family of attack that training left out, weighed by ``values``.

    Thresholds are those of harmless texts that were left out beside it.
    """
    found = {}
    for family in FAMILIES:
        path = work / f"judged-family-{family}.jsonl"
        if not path.exists():
            continue
        documents = [judged(example, family, sentences) for example, sentences in read_judged(path)]
        scores, _ = with_rules(documents, score(documents, values))
        labels = np.array([d.example.label for d in documents])
        found[family] = {"attacks": int(labels.sum()), "benign": int((1 - labels).sum())} | {
            f"recall_at_{name[:-1]}": float(
                (scores[labels == 1] >= limit_for(scores[labels == 0], share)).mean()
            )
            for name, share in BUDGETS.items()
        }
    return found


def table(documents: Sequence[Judged], values: Floats) -> dict[str, Any]:
    """Return recall, false alarms and AUROC by source, their macro means, and bare orders."""
    benign = values[[not d.example.label and not d.poison for d in documents]]
    limits = {name: limit_for(benign, share) for name, share in BUDGETS.items()}
    found = by_source(documents, values, limits)
    bare = values[np.array([without_trigger(d.example) for d in documents])]
    counted = [row for row in found.values() if row["attacks"] >= _MIN_ATTACKS]
    names = [f"recall_at_{n[:-1]}" for n in limits]
    macro = {name: float(np.mean([row[name] for row in counted])) for name in (*names, "auroc")}
    macro |= {
        f"bare_{n}": float((bare >= v).mean()) for n, v in zip(names, limits.values(), strict=True)
    }
    return {"sources": found, "macro": macro, "limits": limits}


def by_source(
    documents: Sequence[Judged], values: Floats, limits: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Return, for each source, recall and false alarms at ``limits``, and AUROC."""
    labels = np.array([d.example.label for d in documents])
    sources = np.array([d.example.source for d in documents])
    benign = values[(labels == 0) & np.array([not d.poison for d in documents], dtype=bool)]
    found: dict[str, dict[str, float]] = {}
    for source in sorted(set(sources)):
        attacks = values[(sources == source) & (labels == 1)]
        clean = values[(sources == source) & (labels == 0)]
        row: dict[str, float] = {"attacks": len(attacks), "benign": len(clean)}
        if len(attacks):
            row |= {f"recall_at_{n[:-1]}": float((attacks >= v).mean()) for n, v in limits.items()}
            both = np.concatenate([attacks, benign])
            row["auroc"] = auroc(both, np.arange(len(both)) < len(attacks)) or 0.0
        if len(clean):
            row |= {
                f"false_alarms_at_{n[:-1]}": float((clean >= v).mean()) for n, v in limits.items()
            }
        found[source] = row
    return found


def show(figures: dict[str, dict[str, Any]]) -> None:
    """Print the tables."""
    keys = [f"recall_at_{n[:-1]}" for n in BUDGETS]
    keys += ["auroc", "false_alarms_at_1", "false_alarms_at_5"]
    heads = " ".join(f"{head:>6}" for head in ("r@0.1", "r@1", "r@5", "auroc", "fa@1", "fa@5"))
    for name, figure in figures.items():
        print(f"\n{name:34} {'attacks':>7} {'benign':>7} {heads}")
        for source, row in figure["sources"].items():
            shown = " ".join(f"{row[k]:6.3f}" if k in row else "     –" for k in keys)
            print(f"{source:34} {row['attacks']:7} {row['benign']:7} {shown}")
        print("macro", {k: round(v, 3) for k, v in figure["macro"].items()})


def write(documents: Sequence[Judged], public: int, figures: dict[str, dict[str, Any]]) -> None:
    """Fit on all folds, and write the weights with thresholds so that 1 % is at one half.

    Thresholds are those of the ``public`` first documents.
    """
    values = fit(documents)
    known = documents[:public]
    shifted, shift = with_rules(known, score(known, values))
    values[3] -= shift
    benign = shifted[[not d.example.label and not d.poison for d in known]]
    budgets = {n: 1 / (1 + math.exp(-limit_for(benign, s))) for n, s in BUDGETS.items()}
    names = ("rules", "sentence", "window", "bias")
    fitted = {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}
    fitted |= {"version": "2", "budgets": {n: round(v, 4) for n, v in budgets.items()}}
    SHIPPED.mkdir(exist_ok=True)
    (SHIPPED / "combination.json").write_text(json.dumps(fitted, indent=2) + "\n", "utf-8")
    print(json.dumps(fitted))
    report = {
        "protocol": _PROTOCOL,
        "command": _COMMAND,
        "commit": origin(seed=0)["commit"],
        **{k: figures["both"][k] for k in ("sources", "macro")},
        "network": figures["network"],
        "rules": figures["rules"],
        "later": figures["later"],
        "families": figures["families"],
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
