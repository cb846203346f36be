"""Vectors of texts, kept on disk between runs: most of a first run is embedding."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...core.chunk import Matrix, Vector
from ...core.embedding import Embedder, EmbedderIdentity
from ...core.errors import LoadError

_SAVED_EVERY = 1024
"""Texts that a kill may cost: about half a minute."""


class Vectors:
    """An embedder that keeps what it has embedded.

    In ``folder`` stand ``keys.json`` (SHA-256 of each text) and ``vectors.npy`` in that order;
    files of a folder in ``others`` are read too, never written. Raises `LoadError` if they do not
    fit each other or the model.
    """

    def __init__(
        self, embedder: Embedder, folder: Path | None = None, others: Sequence[Path] = ()
    ) -> None:
        self._embedder = embedder
        self._folder = folder
        self._known: dict[str, Vector] = {}
        for each in (*others, *([folder] if folder else ())):
            self._known.update(_read(each, embedder.identity.dimension))
        self._saved = len(self._known)

    @property
    def identity(self) -> EmbedderIdentity:
        """Those of the model."""
        return self._embedder.identity

    @property
    def max_tokens(self) -> int:
        """That of the model."""
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """Count as the model does."""
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors, float32, (n, d)."""
        return self.told(texts, None)

    def told(self, texts: Sequence[str], say: Callable[[str], None] | None) -> Matrix:
        """Embed, and tell ``say`` how far a long run has come."""
        keys = [key_of(text) for text in texts]
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        # Texts of like length share a batch, so that little is padded.
        ordered = sorted(missing, key=lambda key: len(missing[key]))
        for start in range(0, len(ordered), _SAVED_EVERY):
            part = ordered[start : start + _SAVED_EVERY]
            vectors = self._embedder.embed([missing[key] for key in part])
            self._known.update(zip(part, vectors, strict=True))
            if say and len(ordered) > _SAVED_EVERY:
                say(f"embedding: {start + len(part)} of {len(ordered)} texts")
            if len(part) == _SAVED_EVERY:
                self.save()
        if not texts:
            return np.empty((0, self.identity.dimension), dtype=np.float32)
        return np.array([self._known[key] for key in keys], dtype=np.float32)

    def save(self) -> None:
        """Write what is new; a kill in between leaves the older files."""
        if self._folder is None or len(self._known) == self._saved:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        keys = list(self._known)
        # One file: a kill between two would leave keys and vectors that do not fit.
        part = self._folder / f"vectors.{os.getpid()}.part.npz"
        with part.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=np.array([self._known[k] for k in keys]))
        os.replace(part, self._folder / "vectors.npz")
        self._saved = len(self._known)


def key_of(text: str) -> str:
    """Return the name of a text in the cache."""
    return hashlib.sha256(text.encode()).hexdigest()


def _read(folder: Path, dimension: int) -> dict[str, Vector]:
    try:
        if (path := folder / "vectors.npz").exists():
            # Opened here: of a damaged archive numpy leaves the file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                keys, vectors = [str(key) for key in found["keys"]], found["vectors"]
        elif (path := folder / "keys.json").exists():
            keys = json.loads(path.read_text())
            vectors = np.load(folder / "vectors.npy", allow_pickle=False)
        else:
            return {}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise LoadError(f"'{folder}' refused: its vectors cannot be read; remove it") from error
    if vectors.shape != (len(keys), dimension) or vectors.dtype.kind != "f":
        raise LoadError(f"'{folder}' refused: its vectors are not of this model; remove it")
    if not np.isfinite(vectors).all():
        raise LoadError(f"'{folder}' refused: its vectors hold NaN or infinity; remove it")
    return dict(zip(keys, vectors, strict=True))
