"""Texts and vectors of a collection of any size, made from real rows and known by their number.

A document is the first sentences of one row and the last of another, so that a million of them have
real words, names and numbers, stand near each other as those of a full collection do, and need no
memory: a hit's text is made again when it is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from ragbastion.core.chunk import Matrix
from ragbastion.core.embedding import EmbedderIdentity

SEED = 17
DIMENSION = 384
_BLOCK = 10_000
_MIX = (0.75, 0.5, 0.35)
"""Weights of the first row's vector, the second's, and noise: documents of one row have a cosine of
about .6, and of two rows in common about .85."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP_WORDS = "the and for that with was were are from this which has had not but his her"
_STOP = frozenset(_STOP_WORDS.split())


class WordVectors:
    """An embedder without a model: the sum of a random vector for each word."""

    identity = EmbedderIdentity(model="words", dimension=DIMENSION)
    max_tokens = 512

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors (n, d); the same words make the same vector."""
        rows = np.stack([self._sum(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        """Return the number of words."""
        return len(text.split())

    def _sum(self, text: str) -> Matrix:
        words = [word for word in _WORD.findall(text.lower()) if word not in _STOP]
        return np.sum([_word_vector(word) for word in words or ["nothing"]], axis=0)


@lru_cache(maxsize=200_000)
def _word_vector(word: str) -> Matrix:
    seed = int.from_bytes(word.encode(), "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32)


class Texts:
    """Documents by number, of the clean rows of a data folder."""

    def __init__(self, folder: Path, most_rows: int = 3_000) -> None:
        rows = [row for path in sorted(folder.glob("clean_*.jsonl")) for row in _rows(path)]
        if not rows:
            raise SystemExit(f"no clean_*.jsonl with texts in '{folder}'")
        picked = np.random.default_rng(SEED).permutation(len(rows))[:most_rows]
        kept = [rows[at] for at in picked]
        self._sentences = [_SENTENCE.split(row["text"]) for row in kept]
        self.rows = WordVectors().embed([row["text"] for row in kept])
        self.questions = [row["question"] for row in kept if row.get("question")]

    def text(self, number: int) -> str:
        """Return a document's text."""
        one, other = (self._sentences[at] for at in self._of(number))
        first, last = one[: (len(one) + 1) // 2], other[len(other) // 2 :]
        return " ".join([*first, *last, f"Entry {number}."])

    def vectors(self, count: int) -> Matrix:
        """Return the vectors of the first documents (n, d)."""
        matrix = np.empty((count, DIMENSION), dtype=np.float32)
        for start in range(0, count, _BLOCK):
            numbers = range(start, min(start + _BLOCK, count))
            matrix[start : numbers.stop] = self._block(numbers)
        return matrix

    def vectors_of(self, numbers: range) -> Matrix:
        """Return the vectors of documents that are not among the first."""
        return self._block(numbers)

    def _block(self, numbers: range) -> Matrix:
        chance = np.random.default_rng((SEED, numbers.start))
        one, other = np.array([self._of(number) for number in numbers]).T
        noise = chance.standard_normal((len(numbers), DIMENSION), dtype=np.float32)
        noise /= np.sqrt(np.float32(DIMENSION))
        mixed = _MIX[0] * self.rows[one] + _MIX[1] * self.rows[other] + _MIX[2] * noise
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)

    def _of(self, number: int) -> tuple[int, int]:
        """Return the two rows of a document: evenly spread, and the same each time."""
        mixed = (number + 1) * 0x9E3779B97F4A7C15 % 2**64
        return (mixed >> 40) % len(self._sentences), (mixed >> 13) % len(self._sentences)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]
