"""The embedder protocol and the identity that a collection records of its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .chunk import Matrix
from .errors import ModelMismatchError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderIdentity:
    """What makes vectors comparable: the model's id and the dimension of its vectors."""

    model: str
    dimension: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that is kept with a collection."""
        return {"model": self.model, "dimension": self.dimension}

    def require(self, other: EmbedderIdentity, collection: str) -> None:
        """Raise `ModelMismatchError` unless ``other`` made the vectors of ``collection``."""
        if self != other:
            raise ModelMismatchError(
                f"collection '{collection}' was built with {other.model} ({other.dimension} "
                f"dimensions) and the settings name {self.model} ({self.dimension}): use that "
                "model (setting embedding.model), or ingest into a new collection"
            )


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def identity(self) -> EmbedderIdentity:
        """Model id and dimension."""
        ...

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors, float32, shape (n, d), one a text, in order."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens of the model ``text`` takes, untruncated."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that the model sees whole."""
        ...
