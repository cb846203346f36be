"""What a collection's own texts add to the language model: its pairs of words, in a fixed table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .language import Codes, Floats
from .state_file import Arrays

ROWS = 1 << 16
_CREDIT = 8.0
"""What one count of the collection's own is worth beside one of the shipped model's. A pair that
ten admitted documents have is then no surprise."""

_ENOUGH = 10.0
"""Documents from which more of them make a pair no likelier."""

_CHANCE = 3.0
"""What a large collection brings fills every cell of the table: a pair counts from this many times
the mean of a row on (as in the count-mean-min sketch, Deng and Rafiei 2007)."""

_MOST_A_DOCUMENT = 1
"""A document counts a pair once, however often it repeats it."""


class WordPairs:
    """Counts of class pairs by hash (count-min with two rows)."""

    def __init__(self) -> None:
        self._counts: NDArray[np.uint16] = np.zeros((2, ROWS), dtype=np.uint16)

    def more(self, keys: Codes) -> Floats:
        """Return further counts for the keys of `Language.association`."""
        one, two = _places(keys)
        counts = np.minimum(self._counts[0, one], self._counts[1, two]).astype(np.float64)
        # The table is small: what a few documents brought may be a collision.
        by_chance = 2.0 + _CHANCE * float(self._counts.mean())
        return np.asarray(np.clip(counts - by_chance, 0.0, _ENOUGH) * _CREDIT)

    def learn(self, keys: Codes) -> None:
        """Count the pairs of an admitted document, each once."""
        kept = np.unique(keys)
        for row, places in enumerate(_places(kept)):
            at = np.unique(places)
            self._counts[row, at] = np.minimum(self._counts[row, at] + _MOST_A_DOCUMENT, 60_000)

    @property
    def bytes_held(self) -> int:
        """Memory of the table."""
        return self._counts.nbytes

    def state(self) -> Arrays:
        """Return the arrays to save."""
        return {"pairs": self._counts}

    def restore(self, arrays: Arrays) -> None:
        """Take saved arrays back."""
        if arrays["pairs"].shape != (2, ROWS):
            raise ValueError("the table of pairs has another size")
        self._counts = arrays["pairs"].astype(np.uint16)


def _places(keys: Codes) -> tuple[Codes, Codes]:
    mixed = (keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    other = (keys.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)) >> np.uint64(40)
    size = np.uint64(ROWS)
    return (mixed % size).astype(np.int64), (other % size).astype(np.int64)
