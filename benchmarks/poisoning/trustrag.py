"""TrustRAG, stage 1: cluster filtering with n-gram preservation, without the LLM of later stages.

Our own writing of what Zhou et al. describe (TrustRAG, arXiv:2501.00879) with their thresholds:
where no two passages share an n-gram order (ROUGE-L), nothing is filtered; else 2-means over the
embeddings finds the denser cluster. A dense one is dropped, and both if both are; of clusters that
are not dense only passages that repeat each other go; a passage alone in its cluster goes too,
unless the others are dense. Words are not stemmed here, and the embeddings are those of retrieval.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ...core.chunk import Matrix
from .contexts import DEEP, Choice, Pool

DENSE = 0.88
ROUGE = 0.25
_WORD = re.compile(r"\w+")


def trustrag(pool: Pool, limit: int) -> Choice:
    """Filter the best `DEEP` and serve what is left, best first."""
    seen = pool.first(max(limit, DEEP))
    kept = stage_one(seen.texts, seen.vectors) if len(seen) > 2 else range(len(seen))
    return Choice(places=tuple(sorted(kept)[:limit]))


def stage_one(texts: Sequence[str], vectors: Matrix) -> list[int]:
    """Return the places of the passages that stay."""
    words = [_WORD.findall(text.casefold()) for text in texts]
    alike = {
        pair
        for pair in combinations(range(len(texts)), 2)
        if rouge_l(words[pair[0]], words[pair[1]]) > ROUGE
    }
    if not alike:
        return list(range(len(texts)))
    clusters = sorted(two_means(vectors), key=lambda each: (len(each) > 1, _density(vectors, each)))
    loose, dense = clusters
    if not loose:
        return list(range(len(texts)))
    if len(loose) == 1:
        return _beside_one(vectors, loose[0], dense)
    if _density(vectors, loose) > DENSE:
        return []
    if _density(vectors, dense) > DENSE:
        return _without_repeats(loose, alike)
    return [*_without_repeats(loose, alike), *_without_repeats(dense, alike)]


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """Return ROUGE-L's F-measure of two word lists (Lin 2004), in [0, 1]."""
    if not one or not other:
        return 0.0
    return 2 * _longest_common(one, other) / (len(one) + len(other))


def two_means(vectors: Matrix) -> tuple[list[int], list[int]]:
    """Return two clusters of the standardised and normalised vectors, as the paper's code does."""
    from sklearn.cluster import KMeans

    spread = vectors.std(axis=0)
    scaled = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    if len(np.unique(vectors, axis=0)) < 2:
        return [], list(range(len(vectors)))
    # Typed for checkers as its default, "auto"; the paper's code gives a number.
    restarts: Any = 10
    labels = KMeans(n_clusters=2, n_init=restarts, max_iter=500, random_state=0).fit_predict(
        scaled / np.where(lengths > 0, lengths, 1.0)
    )
    return np.flatnonzero(labels == 0).tolist(), np.flatnonzero(labels == 1).tolist()


def _beside_one(vectors: Matrix, alone: int, rest: list[int]) -> list[int]:
    if _density(vectors, rest) <= DENSE:
        return rest
    return [] if float(vectors[alone] @ vectors[rest[0]]) > DENSE else [alone]


def _without_repeats(cluster: Sequence[int], alike: set[tuple[int, int]]) -> list[int]:
    repeats = {at for pair in alike if set(pair) <= set(cluster) for at in pair}
    return [at for at in cluster if at not in repeats]


def _density(vectors: Matrix, cluster: Sequence[int]) -> float:
    """Return the mean cosine of all pairs; 0 where there is none."""
    if len(cluster) < 2:
        return 0.0
    inside = vectors[list(cluster)]
    count = len(cluster)
    return float(((inside @ inside.T).sum() - count) / (count * (count - 1)))


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a bit a word (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        matched = row & places.get(word, 0)
        row = ((row + matched) | (row - matched)) & full
    return len(one) - row.bit_count()
