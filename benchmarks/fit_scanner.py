"""Fit the evidence weights of the injection scanner, and say how they do on sources left out.

    python benchmarks/fit_scanner.py --data DIR [--write]

``DIR`` holds ``injection/*.jsonl`` and ``poison/*.jsonl``; with them go the later seed documents of
``benchmarks/classifier``, whose writers had neither these files nor the rules in view. A logistic
regression with weights that cannot be negative learns, for each group of rules, what its strongest
hit in the worst window is worth. Sources count equally, whatever their size. Three splits are
reported: each source left out; each kind of attack left out; none (the committed weights). The
rules themselves were written with the public files in view, so left-out figures of these are honest
for the weights only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ragbastion.benchmarks.classifier.seeds import LATER, load_seeds
from ragbastion.core.settings import ScanSettings
from ragbastion.ingest.scanner.evidence import DISGUISED, HIDDEN, WINDOW, Hit
from ragbastion.ingest.scanner.reading import read_hits
from ragbastion.ingest.scanner.rules import GROUPS, load_packs
from ragbastion.ingest.scanner.signatures import Signatures

PRIOR = 0.1
"""Share of attacks in the stream that the probability is calibrated for."""
RIDGE = 0.0015
"""Pull towards `PRIOR_WEIGHTS`: what these files hardly show keeps the reviewers' weight."""
ROUNDS = 4
STEPS = 1500
TARGET = Path(__file__).parents[1] / "ingest" / "scanner" / "weights.json"
FEATURES = tuple(sorted({*GROUPS, DISGUISED, HIDDEN} - {"custom"}))
# No public file holds these; a payload of invisible characters, and a user's own rule, are taken at
# their word: alone they pass the default threshold.
FIXED = {"custom": 6.0, HIDDEN: 7.0}
PRIOR_WEIGHTS = {
    "addressing": 4.0,
    "answer_override": 4.5,
    "bare_request": 2.5,
    "concealment": 5.0,
    "consensus": 5.0,
    "decode_and_follow": 5.0,
    "delimiter": 2.5,
    DISGUISED: 3.0,
    "exfiltration": 5.0,
    "jamming": 4.0,
    "output_control": 4.5,
    "override": 6.0,
    "persona": 4.0,
    "role_token": 4.5,
    "secret_request": 4.5,
    "system_imitation": 4.0,
    "task_switch": 5.0,
    "tool_forgery": 4.0,
    "tool_imperative": 4.5,
    "urgency": 1.5,
}
"""Reviewers' weights, in logits of a strongest hit."""
POSITIVE_POISON = ("pia_template", "corruptrag_as", "jamming_template")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A document: where it is from, its label, and one row of features a window, (n, f)."""

    source: str
    attack: str
    label: int
    windows: Floats


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and with ``--write`` replace the committed weights."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    examples = list(load_examples(options.data))
    report(examples)
    intercept, weights = fit(examples)
    groups = {name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)}
    fitted = {
        "version": "3",
        "intercept": round(intercept, 3),
        "groups": dict(sorted((groups | FIXED).items())),
        "prior": PRIOR,
        "fitted_by": "benchmarks/fit_scanner.py",
    }
    print(json.dumps(fitted, indent=2))
    if options.write:
        TARGET.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    return 0


def load_examples(data: Path) -> Iterable[Example]:
    """Yield every usable document of the data folder with its features."""
    signatures = Signatures(load_packs(ScanSettings().rule_packs))
    files = sorted(data.glob("injection/*.jsonl")) + sorted(data.glob("poison/*.jsonl"))
    for path in files:
        for line in path.read_text("utf-8").split("\n")[:-1]:
            row = json.loads(line)
            poison = path.parent.name == "poison"
            if poison and row["label"] and row["attack"] not in POSITIVE_POISON:
                continue  # false facts without an instruction: not what the scanner looks for
            yield Example(
                source=path.stem,
                attack=row["attack"] or "",
                label=row["label"],
                windows=window_features(read_hits(row["text"], signatures)),
            )
    for document in load_seeds().documents:
        if document.area in LATER:
            yield Example(
                source=f"seeds/{document.area}",
                attack=f"seeds/{document.area}",
                label=int(bool(document.spans)),
                windows=window_features(read_hits(document.text, signatures)),
            )


def window_features(hits: Sequence[Hit]) -> Floats:
    """Return the features of each window, the one that ends with each hit; (max(n, 1), f)."""
    rows = np.zeros((max(len(hits), 1), len(FEATURES)))
    column = {name: index for index, name in enumerate(FEATURES)}
    for index, hit in enumerate(hits):
        for other in hits[: index + 1]:
            if other.start < hit.start - WINDOW:
                continue
            if (place := column.get(other.group)) is not None:
                strength = other.value * other.discount
                rows[index, place] = max(rows[index, place], strength)
            if other.disguised:
                rows[index, column[DISGUISED]] = 1.0
    return np.unique(rows, axis=0)


def fit(examples: Sequence[Example]) -> tuple[float, Floats]:
    """Return intercept and weights; the worst window of each document stands for it."""
    labels = np.array([example.label for example in examples], dtype=float)
    mass = masses(examples)
    fixed = np.array([FIXED.get(name, np.nan) for name in FEATURES])
    intercept, weights = -4.0, np.array([(PRIOR_WEIGHTS | FIXED)[name] for name in FEATURES])
    for _ in range(ROUNDS):
        worst = np.array([e.windows[np.argmax(e.windows @ weights)] for e in examples])
        # Most documents look alike (no hit at all): like ones are fitted as one.
        alike, index = np.unique(np.column_stack([worst, labels]), axis=0, return_inverse=True)
        total = np.bincount(index.ravel(), weights=mass)
        start = (intercept, weights)
        intercept, weights = _logistic(alike[:, :-1], alike[:, -1], total, start, fixed)
    return intercept, weights


def masses(examples: Sequence[Example]) -> Floats:
    """Return a weight a document: sources equal within a label, labels by the prior."""
    count = Counter((example.source, example.label) for example in examples)
    sources = Counter(label for _, label in count)
    share = {1: PRIOR, 0: 1.0 - PRIOR}
    return np.array(
        [share[e.label] / sources[e.label] / count[e.source, e.label] for e in examples]
    )


def _logistic(
    rows: Floats, labels: Floats, mass: Floats, start: tuple[float, Floats], fixed: Floats
) -> tuple[float, Floats]:
    """Minimise the weighted log loss by projected Adam; weights stay >= 0, fixed ones stay."""
    values = np.append(start[1], start[0])
    centre = np.array([(PRIOR_WEIGHTS | FIXED)[name] for name in FEATURES])
    design = np.hstack([rows, np.ones((len(rows), 1))])
    first, second = np.zeros_like(values), np.zeros_like(values)
    free = np.append(np.isnan(fixed), True)
    for step in range(1, STEPS + 1):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ values, -60, 60)))
        gradient = design.T @ (mass * (probability - labels))
        gradient[:-1] += RIDGE * (values[:-1] - centre)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        move = 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-9)
        values = np.where(free, values - move, values)
        values[:-1] = np.maximum(values[:-1], 0.0)
    return float(values[-1]), values[:-1]


def scores(examples: Sequence[Example], fitted: tuple[float, Floats]) -> Floats:
    """Return the probability of each document's worst window."""
    intercept, weights = fitted
    logits = np.array([intercept + (e.windows @ weights).max() for e in examples])
    return 1.0 / (1.0 + np.exp(-logits))


def report(examples: Sequence[Example]) -> None:
    """Print recall and false alarms at 0.5 on each source, fitted with and without it."""
    everything = scores(examples, fit(examples))
    by_source = left_out(examples, lambda example: example.source)
    by_attack = left_out(examples, lambda example: example.attack.split("/")[0] or example.source)
    print(
        f"{'source':34} {'label':>5} {'n':>6} {'fitted':>8} {'source out':>11} {'attack out':>11}"
    )
    for source in sorted({example.source for example in examples}):
        for label in (1, 0):
            chosen = np.array([e.source == source and e.label == label for e in examples])
            if chosen.any():
                figures = [
                    f"{(s[chosen] >= 0.5).mean():.3f}" for s in (everything, by_source, by_attack)
                ]
                print(
                    f"{source:34} {label:>5} {int(chosen.sum()):>6} "
                    f"{figures[0]:>8} {figures[1]:>11} {figures[2]:>11}"
                )


def left_out(examples: Sequence[Example], key: Callable[[Example], str]) -> Floats:
    """Return scores from weights that never saw the fold of the document; ten folds of keys."""
    keys = sorted({key(example) for example in examples})
    fold = {name: index % 10 for index, name in enumerate(keys)}
    result = np.zeros(len(examples))
    for number in range(10):
        seen = [e for e in examples if fold[key(e)] != number]
        unseen = [i for i, e in enumerate(examples) if fold[key(e)] == number]
        if unseen and {0, 1} <= {e.label for e in seen}:
            result[unseen] = scores([examples[i] for i in unseen], fit(seen))
    return result


if __name__ == "__main__":
    sys.exit(main())
