"""How well each word of a text follows from the word before it: a small general language model.

Words fall into classes: the commonest words are each their own, others go by their ending, so that
a word of a trade that the model never saw still behaves like a noun or a verb. The association of a
pair is its pointwise mutual information: rare words cost nothing by being rare, which is what lets
one model serve texts of any subject. `benchmarks/signal_models` fits it; `WordPairs` adds what a
collection's own texts say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MODEL = Path(__file__).with_name("language.npz")

# Long words fall into parts, so that pieces glued to one word are still many tokens.
TOKEN = re.compile(
    r"[^\W\d_]{1,14}(?:['’][^\W\d_]{1,14})?|\d+(?:[.,]\d+)*|[.,;:!?()\[\]\"“”/—–-]|[^\w\s]"
)
_SUFFIX_CHARS = 3
_DISCOUNT = 4.0
"""Pairs that a class is credited with beyond what was counted."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """Classes by name with counts (c,), and the pairs counted, keys sorted.

    ``kinds`` maps words to clusters of words that are used alike, and ``kind_bits`` (k, k) is how
    much likelier the second is after the first. ``letters`` is the surprise in bits of the third of
    three letters, (27, 27, 27), index 26 the edge of a word.
    """

    classes: dict[str, int]
    counts: Floats
    pair_keys: Codes
    pair_counts: Floats
    kinds: dict[str, int]
    kind_bits: Floats
    letters: Floats

    @property
    def size(self) -> int:
        """Number of classes."""
        return len(self.counts)

    def tokens(self, text: str) -> tuple[Codes, list[str], Spans]:
        """Return each token's class, its lower-case form and its span."""
        found = [(match.group().lower(), match.span()) for match in TOKEN.finditer(text)]
        words = [word for word, _ in found]
        codes = np.fromiter((self._code(word) for word in words), dtype=np.int64, count=len(words))
        return codes, words, [span for _, span in found]

    def association(self, codes: Codes, more: Callable[[Codes], Floats] | None = None) -> Floats:
        """Return the bits by which each token is likelier after the one before it; 0 for the first.

        ``more`` gives further counts for the pair keys (a collection's own).
        """
        if len(codes) < 2:
            return np.zeros(len(codes))
        before, after = codes[:-1], codes[1:]
        keys = before * self.size + after
        at = np.minimum(np.searchsorted(self.pair_keys, keys), len(self.pair_keys) - 1)
        seen = np.where(self.pair_keys[at] == keys, self.pair_counts[at], 0.0)
        if more is not None:
            seen = seen + more(keys)
        share = self.counts[after] / self.counts.sum()
        bits = np.log2((seen / share + _DISCOUNT) / (self.counts[before] + _DISCOUNT))
        return np.concatenate([[0.0], np.clip(bits, -6.0, 8.0)])

    def kind_association(self, words: list[str]) -> Floats:
        """Return the same for clusters of words; 0 for the first."""
        found = (self.kinds.get(word) or self.kinds.get(ending(word), 0) for word in words)
        kinds = np.fromiter(found, dtype=np.int64, count=len(words))
        bits = np.zeros(len(kinds))
        bits[1:] = self.kind_bits[kinds[:-1], kinds[1:]]
        return bits

    def skip(self, codes: Codes) -> Floats:
        """Return the association of each token from the third on with the one before the last."""
        before, after = codes[:-2], codes[2:]
        share = self.counts[after] / self.counts.sum()
        keys = before * self.size + after
        at = np.minimum(np.searchsorted(self.pair_keys, keys), len(self.pair_keys) - 1)
        seen = np.where(self.pair_keys[at] == keys, self.pair_counts[at], 0.0)
        bits = np.log2((seen / share + _DISCOUNT) / (self.counts[before] + _DISCOUNT))
        return np.asarray(np.clip(bits, -6.0, 8.0))

    def _code(self, word: str) -> int:
        return self.classes.get(word) or self.classes.get(ending(word), 0)


def class_of(word: str, known: frozenset[str] | set[str]) -> str:
    """Return the class's name of a lower-case token: the word itself if it is known."""
    return word if word in known else ending(word)


def ending(word: str) -> str:
    """Return the name of the class of words that end alike."""
    first = word[0]
    if first.isdigit():
        return f"#{min(len(word), 5)}"
    if not first.isalpha():
        return "#mark"
    if not word.isascii():
        return "#latin" if first < "\u0250" else "#script"
    return f"-{word[-_SUFFIX_CHARS:]}" if len(word) > _SUFFIX_CHARS else f"#short{len(word)}"


@cache
def shipped() -> Language:
    """Return the model that is shipped."""
    with np.load(MODEL, allow_pickle=False) as arrays:
        names = str(arrays["names"]).split("\n")
        kinds = str(arrays["kind_names"]).split("\n")
        return Language(
            classes={name: code for code, name in enumerate(names)},
            counts=np.exp2(arrays["counts"].astype(np.float64) / 8.0),
            pair_keys=np.cumsum(arrays["pair_steps"].astype(np.int64)),
            pair_counts=np.exp2(arrays["pair_counts"].astype(np.float64) / 8.0),
            kinds=dict(zip(kinds, arrays["kinds"].tolist(), strict=True)),
            kind_bits=arrays["kind_bits"].astype(np.float64) / 8.0,
            letters=arrays["letters"].astype(np.float64) / 16.0,
        )
