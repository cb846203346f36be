"""What a window of a text is like, in numbers that tell running text from soup."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .language import Codes, Floats, Language, Spans

WORDS = 16
STEP = 4
LEAST_WORDS = 9
"""Shorter texts have no window: too little to tell."""

FEATURES = (
    "association",
    "unseen",
    "skip",
    "letters",
    "common",
    "repeats",
    "numbers",
    "kinds",
    "script",
    "short",
    "long",
    "rest",
    "switches",
    "symbols",
    "run",
    "marks",
)
_USUAL_MARKS = frozenset(".,;:!?()[]\"'“”/—–-’")
_COMMON_SHARE = 0.0015
"""A class that makes up this much of English or more is a common word."""


def window_features(
    model: Language, codes: Codes, words: list[str], association: Floats
) -> tuple[Floats, list[tuple[int, int]]]:
    """Return features (n, 16) of the windows, and each window's first and last token.

    ``association`` is of `Language.association` over the same tokens.
    """
    starts = range(0, max(1, len(words) - WORDS + STEP), STEP)
    ends = [(start, min(start + WORDS, len(words))) for start in starts]
    ends = [(start, end) for start, end in ends if end - start >= LEAST_WORDS]
    if not ends:
        return np.zeros((0, len(FEATURES))), []
    columns = _columns(model, codes, words, association)
    sums = np.vstack([np.zeros(columns.shape[1]), np.cumsum(columns, axis=0)])
    bounds = np.array(ends)
    means = (sums[bounds[:, 1]] - sums[bounds[:, 0]]) / (bounds[:, 1] - bounds[:, 0])[:, None]
    means[:, 5] = [1.0 - len(set(words[a:b])) / (b - a) for a, b in ends]
    return means, ends


def _columns(model: Language, codes: Codes, words: list[str], association: Floats) -> Floats:
    kinds = np.array([_kind(word) for word in words], dtype=np.float64).reshape(-1, 6)
    common = model.counts[codes] / model.counts.sum() > _COMMON_SHARE
    skip = np.zeros(len(codes))
    if len(codes) > 2:
        skip[2:] = model.skip(codes)
    letters = np.array([_letter_bits(model, word) for word in words])
    columns = np.zeros((len(words), len(FEATURES)))
    columns[:, 0] = association
    columns[:, 1] = association < -2.0
    columns[:, 2] = skip
    columns[:, 3] = letters
    columns[:, 4] = common
    columns[:, 6:11] = kinds[:, :5]
    columns[:, 7] = model.kind_association(words)
    columns[:, 11] = codes == 0
    columns[1:, 12] = kinds[1:, 2] != kinds[:-1, 2]
    columns[:, 13] = kinds[:, 5]
    columns[:, 15] = kinds[:, 1]
    columns[:, 14] = _run_lengths(association < -1.0)
    return columns


def _run_lengths(strange: NDArray[np.bool_]) -> Floats:
    """Return for each token how many strange ones end there in a row, in sixteenths."""
    at = np.arange(len(strange))
    broken = np.maximum.accumulate(np.where(strange, -1, at))
    return np.minimum(np.where(strange, at - broken, 0), WORDS) / WORDS


@lru_cache(maxsize=60_000)
def _kind(word: str) -> tuple[bool, bool, bool, bool, bool, bool]:
    first = word[0]
    letters = first.isalpha()
    return (
        first.isdigit(),
        not letters and not first.isdigit(),
        letters and not word.isascii(),
        letters and len(word) < 3,
        len(word) > 10,
        not letters and not first.isdigit() and first not in _USUAL_MARKS,
    )


@lru_cache(maxsize=60_000)
def _letter_bits(model: Language, word: str) -> float:
    if not (word.isascii() and word.isalpha()):
        return 3.0
    codes = np.array([26, 26, *(ord(letter) - 97 for letter in word), 26])
    return float(model.letters[codes[:-2], codes[1:-1], codes[2:]].mean())


def span_of(spans: Spans, window: tuple[int, int]) -> tuple[int, int]:
    """Return a window's span in characters."""
    return spans[window[0]][0], spans[window[1] - 1][1]
