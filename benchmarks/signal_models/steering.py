"""Fit the models of text that talks about answering; with ``--check``, leave families out.

python -m benchmarks.signal_models.steering --data DATA [--vectors FOLDER] [--check]

The poison files are never trained on, nor is ``heldout_wordings.json``: what the models make of
them is told beside each third of own families, honest wordings and clean sources that was left out.
Questions and answers that fill the wordings are those of one half of NQ-open's.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.embedding import Embedder
from ...core.sentence_transformer import SentenceTransformerEmbedder
from ...ingest.signals.stance import StanceModel
from ...ingest.signals.steering import (
    BUCKETS,
    MODEL,
    SteeringModel,
    phrases_of,
    window_buckets,
    windows_of,
)
from ..poisoning.vectors import Vectors
from .heldout import heldout_honest, heldout_steering
from .steering_samples import CLEAN, FAMILIES, HONEST_WORDINGS, SEED, Sample, samples
from .texts import poison_texts

SEVERAL = 3
"""Honest wordings that a word must be of to be read."""
CLEAN_WINDOWS = 5
"""Windows of each clean text that are taught."""
A_VECTOR = 9
"""One in so many wordings and injection rows teaches vectors: more would be more subjects."""
PAIR_SCALE = 0.4
VECTOR_SCALE = 10.0
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")


def train(taught: Sequence[Sample]) -> SteeringModel:
    """Return the model of phrases and pairs of cues."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    chance = random.Random(SEED)
    groups = {each.group for each in taught}
    words = _words(
        [w for name, own in FAMILIES.items() if name in groups for w in own],
        [wording for wording in HONEST_WORDINGS if wording in groups],
    )
    rows: list[np.ndarray] = []
    pairs: list[np.ndarray] = []
    labels: list[bool] = []
    for each in taught:
        buckets, present = _windows(each.text, words)
        places = range(len(buckets))
        if not each.wording and len(buckets) > CLEAN_WINDOWS:
            places = sorted(chance.sample(places, CLEAN_WINDOWS))
        rows += [buckets[at] for at in places]
        pairs += [_pairs(present[at]) for at in places]
        labels += [each.steers] * len(places)
    ends = np.cumsum([0, *(len(row) for row in rows)])
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(max(1, len(row)))) for row in rows])
    hashed = csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), BUCKETS))
    matrix = hstack([hashed, csr_matrix(np.vstack(pairs)) * PAIR_SCALE]).tocsr()
    fitted = LogisticRegression(C=8.0, max_iter=200, class_weight={0: 1.0, 1: 3.0})
    fitted.fit(matrix, np.array(labels))
    weights = fitted.coef_[0]
    size = phrases_of("a", words).cues.shape[1]
    table = np.zeros((size, size), dtype=np.float32)
    table[np.triu_indices(size)] = weights[BUCKETS:] * PAIR_SCALE
    return SteeringModel(
        weights=weights[:BUCKETS].astype(np.float32),
        pairs=table,
        bias=float(fitted.intercept_[0]),
        words=words,
    )


def train_stance(taught: Sequence[Sample], embedder: Embedder) -> StanceModel:
    """Return the model over vectors."""
    from sklearn.linear_model import LogisticRegression

    kept = [e for at, e in enumerate(taught) if e.group.startswith(CLEAN) or at % A_VECTOR == 0]
    vectors = embedder.embed([each.text for each in kept])
    fitted = LogisticRegression(C=0.1, max_iter=300, class_weight={0: 1.0, 1: 3.0})
    fitted.fit(vectors * VECTOR_SCALE, [each.steers for each in kept])
    return StanceModel(
        weights=(fitted.coef_[0] * VECTOR_SCALE).astype(np.float32),
        bias=float(fitted.intercept_[0]),
        model=embedder.identity.model,
    )


def _windows(text: str, words: frozenset[str]) -> tuple[list[np.ndarray], np.ndarray]:
    read = phrases_of(text, words)
    bounds = windows_of(len(read.spans))
    if not bounds:
        return [], np.zeros((0, 0))
    buckets = [window_buckets(read.buckets, start, end) for start, end in bounds]
    return buckets, read.present(bounds)


def _pairs(present: np.ndarray) -> np.ndarray:
    """Return which pairs of cues stand together, each cue with itself too."""
    rows, columns = np.triu_indices(len(present))
    return np.asarray(present[rows] * present[columns])


def _words(steering: Sequence[str], honest: Sequence[str]) -> frozenset[str]:
    """Return the words of steering wordings, and those of several honest ones; none of a slot.

    A word of one honest wording is its subject, and what stands beside it would be excused.
    """
    told = Counter(word for wording in honest for word in _own_words(wording))
    often = {word for word, count in told.items() if count >= SEVERAL}
    return frozenset(often.union(*(_own_words(wording) for wording in steering)))


def _own_words(wording: str) -> set[str]:
    return set(_WORD.findall(re.sub(r"<[QABTS]>", " ", wording).lower()))


def check(data: Path, embedder: Embedder) -> None:
    """Leave a third of the families, of honest wordings and of sources out, three times over."""
    every = samples(data)
    groups = [*FAMILIES], [*HONEST_WORDINGS], sorted({e.group for e in every if not e.wording})
    for third in range(3):
        left = {name for names in groups for name in names[third::3]}
        taught = [each for each in every if each.group not in left]
        model, stance = train(taught), train_stance(taught, embedder)
        sets: dict[str, list[str]] = {}
        for each in every:
            if each.group in left:
                honest = "honest wordings" if each.wording else each.group
                sets.setdefault(each.group if each.steers else honest, []).append(each.text)
        sets |= {f"held out: {name}": texts for name, texts in heldout_steering().items()}
        sets["held out: honest"] = heldout_honest()
        sets |= {name: texts[::4] for name, texts in poison_texts(data).items()}
        print("third", third, "text", THRESHOLDS, "stance", SUMS)
        for name, texts in sets.items():
            _tell(name, texts[:120], model, stance, embedder)


def _tell(
    name: str, texts: Sequence[str], model: SteeringModel, stance: StanceModel, embedder: Embedder
) -> None:
    by_text = np.array([_score(model, text) for text in texts])
    both = by_text + stance.logits(embedder.embed(texts))
    print(name, len(texts), _shares(by_text, THRESHOLDS), _shares(both, SUMS), flush=True)


THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.5, 5.5)
SUMS = (0.0, 1.0, 2.0, 4.0, 6.0)


def _score(model: SteeringModel, text: str) -> float:
    found = model.best(text[:6_000])
    return found[0] if found else -9.0


def _shares(scores: np.ndarray, thresholds: Sequence[float]) -> list[float]:
    return [round(float(np.mean(scores >= at)), 3) for at in thresholds]


def main() -> None:
    """Fit and write the shipped file, or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, help="where vectors are kept between runs")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    embedder = Vectors(SentenceTransformerEmbedder(), options.vectors)
    if options.check:
        check(options.data, embedder)
        embedder.save()
        return
    every = samples(options.data)
    model, stance = train(every), train_stance(every, embedder)
    embedder.save()
    np.savez_compressed(
        MODEL,
        weights=np.clip(np.round(model.weights * 32), -32_000, 32_000).astype(np.int16),
        pairs=np.clip(np.round(model.pairs * 128), -32_000, 32_000).astype(np.int16),
        bias=np.float32(model.bias),
        words=np.array("\n".join(sorted(model.words))),
        stance=stance.weights.astype(np.float16),
        stance_bias=np.float32(stance.bias),
        stance_model=np.array(stance.model),
    )


if __name__ == "__main__":
    main()
