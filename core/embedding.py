"""The embedder protocol and the identity that a collection records of its model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class FingerprintedEmbedder(Protocol):
    """An embedder that can say which model it is, not only its name."""

    @property
    def model_digest(self) -> str:
        """The hex SHA-256 that `folder_digest` gives of the model's files; empty if not known."""
        ...


def model_digest(embedder: Embedder) -> str:
    """Return the digest of an embedder's model, empty where it does not tell one."""
    return embedder.model_digest if isinstance(embedder, FingerprintedEmbedder) else ""


def folder_digest(folder: Path) -> str:
    """Return the hex SHA-256 of a folder: of the lines that ``sha256sum`` writes, by path.

    The same as ``find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`` in that folder.
    """
    lines = hashlib.sha256()
    files = [path for path in folder.rglob("*") if path.is_file()]
    for name in sorted(os.fsencode(path.relative_to(folder)) for path in files):
        with (folder / os.fsdecode(name)).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.update(digest.encode() + b"  ./" + name + b"\n")
    return lines.hexdigest()
