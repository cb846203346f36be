"""Weigh rules and network into one probability, and report the leave-one-source-out figures.

    python -m benchmarks.classifier.combine --work DIR [--base] [--write]

``--work`` holds what ``train`` judged: documents of sources that the network did not see. Each fold
is scored by weights fitted on the other folds. ``--base`` reports the network that saw no public
file at all; ``--write`` replaces ``ingest/scanner/model/combination.json`` and
``benchmarks/results/injection_loso.json``. The rules were written with these files in view: the
column "network" is the one in which nothing was.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ragbastion.benchmarks.injection.metrics import auroc
from ragbastion.benchmarks.report import origin
from ragbastion.ingest.scanner.classifier import Sentence
from ragbastion.ingest.scanner.combination import UNREAD, clipped, logit, sure, units
from ragbastion.ingest.scanner.evidence import hit_scores, shipped_weights, windows
from ragbastion.ingest.scanner.model_files import SHIPPED
from ragbastion.ingest.scanner.reading import read_hits
from ragbastion.ingest.scanner.signatures import shipped_signatures

from .rows import FOLDS
from .scoring import read_judged
from .synthesis import Example

BUDGETS = {"0.1%": 0.001, "1%": 0.01, "5%": 0.05}
_PROTOCOL = (
    "Five folds leave out two or more public files each, attacks and harmless texts; network and "
    "weights are fitted without them. 'rules' and 'both' use rules that were written with these "
    "files in view; 'network' uses nothing that was."
)
_COMMAND = (
    "python -m benchmarks.classifier.train --data DATA --work WORK && "
    "python -m benchmarks.classifier.combine --work WORK --write"
)
RESULTS = Path(__file__).parents[1] / "results" / "injection_loso.json"
_ROUNDS, _STEPS, _RIDGE = 6, 400, 1e-4
_MIN_ATTACKS = 40
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A document and the features (u, 3) of its units: rules, sentence, window.

    ``sure`` are the log odds of which rules alone are sure.
    """

    example: Example
    fold: str
    features: Floats
    sure: float

    @property
    def poison(self) -> bool:
        """Whether it is of the passages that serve as hosts, not of the injection files."""
        return self.example.source.startswith("poison/")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and with ``--write`` replace the committed weights and figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    documents = load(options.work, ["base"] if options.base else list(FOLDS))
    alone = [network_only(d) for d in documents]
    both, _ = with_rules(documents, left_out_scores(documents))
    scores = {"both": both, "network": left_out_scores(alone)}
    scores["rules"] = np.array([d.features[:, 0].max() for d in documents])
    figures = {name: table(documents, values) for name, values in scores.items()}
    show(figures)
    if options.write:
        write(documents, figures)
    return 0


def load(work: Path, names: Sequence[str]) -> list[Judged]:
    """Read the judged documents of ``names`` with their features."""
    return [
        judged(example, fold_of(example, name), sentences)
        for name in names
        for example, sentences in read_judged(work / f"judged-{name}.jsonl")
    ]


def fold_of(example: Example, name: str) -> str:
    """Return the fold that leaves out the example's source."""
    return next((fold for fold, sources in FOLDS.items() if example.source in sources), name)


def judged(example: Example, fold: str, sentences: Sequence[Sentence]) -> Judged:
    """Return the document with the features of its units; one row of nothing if it has none."""
    weights = shipped_weights()
    hits = read_hits(example.text, shipped_signatures())
    nothing = weights.probability(0.0)
    found = units(hits, hit_scores(windows(hits, weights)), sentences, nothing)
    rows = [(u.rules, u.sentence, u.window) for u in found]
    rows = rows or [(logit(nothing), UNREAD, UNREAD)]
    features = np.array([[clipped(value) for value in row] for row in rows])
    certain = max((sure(unit) for unit in found), default=-60.0)
    return Judged(example=example, fold=fold, features=features, sure=certain)


def network_only(document: Judged) -> Judged:
    """Return the document as if no rule had matched anything."""
    rows = document.features.copy()
    rows[:, 0] = logit(shipped_weights().probability(0.0))
    return Judged(example=document.example, fold=document.fold, features=rows, sure=-60.0)


def fit(documents: Sequence[Judged]) -> Floats:
    """Return weights (4,): three features and the bias; the worst unit stands for its document."""
    labels = np.array([d.example.label for d in documents], dtype=float)
    mass = masses(documents)
    values = np.array([0.6, 0.6, 0.3, 0.0])
    for _ in range(_ROUNDS):
        worst = np.array([d.features[np.argmax(d.features @ values[:3])] for d in documents])
        values = _logistic(np.hstack([worst, np.ones((len(worst), 1))]), labels, mass, values)
    return values


def masses(documents: Sequence[Judged]) -> Floats:
    """Return a weight a document: labels count alike, and sources within a label."""
    count = Counter((d.example.source, d.example.label) for d in documents)
    sources = Counter(label for _, label in count)
    return np.array(
        [
            0.5 / sources[d.example.label] / count[d.example.source, d.example.label]
            for d in documents
        ]
    )


def _logistic(design: Floats, labels: Floats, mass: Floats, start: Floats) -> Floats:
    """Minimise the weighted log loss by Newton steps; evidence never counts for innocence."""
    values = start.copy()
    for _ in range(_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ values, -60, 60)))
        gradient = design.T @ (mass * (probability - labels)) + _RIDGE * values
        curvature = (design * (mass * probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-4 * np.eye(len(values)), gradient)
        values = values - 0.3 * step
        values[:3] = np.maximum(values[:3], 0.0)
        if np.abs(step).max() < 1e-5:
            break
    return values


def score(documents: Sequence[Judged], values: Floats) -> Floats:
    """Return the log odds of each document's worst unit."""
    return np.array([(d.features @ values[:3]).max() + values[3] for d in documents])


def with_rules(documents: Sequence[Judged], scores: Floats) -> tuple[Floats, float]:
    """Return scores at whose zero 1 % alarm, and the shift that puts it there.

    None is lower than what rules alone are sure of.
    """
    certain = np.array([d.sure for d in documents])
    benign = np.array([not d.example.label and not d.poison for d in documents])
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        alarms = np.maximum(scores[benign] - middle, certain[benign]) >= 0.0
        low, high = (middle, high) if alarms.mean() > BUDGETS["1%"] else (low, middle)
    return np.maximum(scores - high, certain), high


def left_out_scores(documents: Sequence[Judged]) -> Floats:
    """Return each document's log odds by weights fitted on the other folds."""
    found = np.zeros(len(documents))
    folds = np.array([d.fold for d in documents])
    for fold in sorted(set(folds)):
        seen = [d for d in documents if d.fold != fold]
        chosen = np.flatnonzero(folds == fold)
        found[chosen] = score([documents[i] for i in chosen], fit(seen))
    return found


def limit_for(benign: Floats, share: float) -> float:
    """Return the lowest log odds that at most ``share`` of ``benign`` reach.

    One document stricter than the benchmark's own, as the committed weights were fitted.
    """
    ordered = np.sort(benign)
    place = math.ceil(len(ordered) * (1 - share))
    return float(np.nextafter(ordered[min(place, len(ordered) - 1)], np.inf))


def table(documents: Sequence[Judged], values: Floats) -> dict[str, Any]:
    """Return recall, false alarms and AUROC by source, their macro means, and bare orders."""
    labels = np.array([d.example.label for d in documents])
    sources = np.array([d.example.source for d in documents])
    benign = values[(labels == 0) & np.array([not d.poison for d in documents])]
    limits = {name: limit_for(benign, share) for name, share in BUDGETS.items()}
    found: dict[str, dict[str, float]] = {}
    for source in sorted(set(sources)):
        attacks = values[(sources == source) & (labels == 1)]
        clean = values[(sources == source) & (labels == 0)]
        row = {"attacks": len(attacks), "benign": len(clean)}
        if len(attacks):
            row |= {f"recall_at_{n[:-1]}": float((attacks >= v).mean()) for n, v in limits.items()}
            both = np.concatenate([attacks, benign])
            row["auroc"] = auroc(both, np.arange(len(both)) < len(attacks)) or 0.0
        if len(clean):
            row |= {
                f"false_alarms_at_{n[:-1]}": float((clean >= v).mean()) for n, v in limits.items()
            }
        found[source] = row
    bare = values[np.array([without_trigger(d.example) for d in documents])]
    counted = [row for row in found.values() if row["attacks"] >= _MIN_ATTACKS]
    names = [f"recall_at_{n[:-1]}" for n in limits]
    macro = {name: float(np.mean([row[name] for row in counted])) for name in (*names, "auroc")}
    macro |= {
        f"bare_{n}": float((bare >= v).mean()) for n, v in zip(names, limits.values(), strict=True)
    }
    return {"sources": found, "macro": macro, "limits": limits}


def without_trigger(example: Example) -> bool:
    """Tell whether the attack is one of the bare orders and questions of these files."""
    if not example.label:
        return False
    bare = ("bare_task", "ds_base", "dh_base")
    return example.source == "bipia" or example.attack.startswith(bare)


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


def write(documents: Sequence[Judged], figures: dict[str, dict[str, Any]]) -> None:
    """Fit on all folds, and write the weights with thresholds so that 1 % is at one half."""
    values = fit(documents)
    shifted, shift = with_rules(documents, score(documents, values))
    values[3] -= shift
    benign = shifted[[not d.example.label and not d.poison for d in documents]]
    budgets = {n: 1 / (1 + math.exp(-limit_for(benign, s))) for n, s in BUDGETS.items()}
    names = ("rules", "sentence", "window", "bias")
    fitted = {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}
    fitted |= {"version": "1", "budgets": {n: round(v, 4) for n, v in budgets.items()}}
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
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
