"""Weights that join rules and network into one probability: the worst unit of a document counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ragbastion.ingest.scanner.classifier import Sentence
from ragbastion.ingest.scanner.combination import UNREAD, clipped, logit, sure, units
from ragbastion.ingest.scanner.evidence import hit_scores, shipped_weights, windows
from ragbastion.ingest.scanner.reading import read_hits
from ragbastion.ingest.scanner.signatures import shipped_signatures

from .synthesis import Example

BUDGETS = {"0.1%": 0.001, "1%": 0.01, "5%": 0.05}
_ROUNDS, _STEPS, _RIDGE = 6, 400, 1e-4
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


def with_rules(
    documents: Sequence[Judged], scores: Floats, public: int | None = None
) -> tuple[Floats, float]:
    """Return scores at whose zero 1 % alarm, and the shift that puts it there.

    None is lower than what rules alone are sure of. The 1 % are of the ``public`` first documents.
    """
    certain = np.array([d.sure for d in documents])
    benign = np.array([not d.example.label and not d.poison for d in documents])
    if public is not None:
        benign[public:] = False
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
