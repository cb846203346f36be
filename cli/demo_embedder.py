"""An embedder that remembers: both sides of the demo embed nearly the same texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.chunk import Matrix, Vector
from ..core.embedding import Embedder, EmbedderIdentity


class RememberingEmbedder:
    """Embeds each text once and returns the same vector from then on; unbounded, for a demo."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}

    @property
    def identity(self) -> EmbedderIdentity:
        """The identity of the embedder behind it."""
        return self._embedder.identity

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that the model sees whole."""
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` takes."""
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors, float32, shape (n, d); only new texts cost time."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed(new), strict=True))
        if not texts:
            return np.empty((0, self.identity.dimension), dtype=np.float32)
        return np.stack([self._known[text] for text in texts])
