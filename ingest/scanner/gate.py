"""The gate before the network: which sentences are worth a closer look, for microseconds each.

A linear model over a sentence's words, pairs of words and first two words, trained on the same
text as the network and set so low that it passes nearly everything that is injected. Most ordinary
prose does not open it.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from ...core.errors import SettingsError

PAIRS = 1 << 17
"""Slots that pairs of words are hashed to."""
_MULTIPLIER = 2_654_435_761  # Knuth's multiplicative hash

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Gate:
    """Sentence scores from token ids; built from the arrays of ``gate.npz``."""

    def __init__(self, content: bytes) -> None:
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                self._words = arrays["words"].astype(np.float32)
                self._openings = arrays["openings"].astype(np.float32)
                self._pairs = arrays["pairs"].astype(np.float32)
                self._bias = float(arrays["bias"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SettingsError("the classifier's gate.npz cannot be read") from error

    def logits(self, ids: Ints, starts: Ints) -> Floats:
        """Return the score (s,) of each sentence; ``starts`` (s,) are their first tokens."""
        counts = np.diff(np.append(starts, len(ids)))
        weights = self._words[ids]
        weights[1:] += self._pairs[pair_slots(ids)]
        found: Floats = (np.add.reduceat(weights, starts) / counts).astype(np.float32)
        found += self._bias + self._openings[0, ids[starts]]
        second = np.minimum(starts + 1, len(ids) - 1)
        found += np.where(counts > 1, self._openings[1, ids[second]], 0.0)
        return found


def pair_slots(ids: Ints) -> Ints:
    """Return the slot (n - 1,) of each token with the one before it."""
    return ((ids[:-1] * 31 + ids[1:]) * _MULTIPLIER >> 8) % PAIRS
