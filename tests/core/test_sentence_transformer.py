"""The real default model embeds offline."""

import numpy as np
import pytest
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import ModelMismatchError, SettingsError
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    """The packaged MiniLM, loaded once."""
    return SentenceTransformerEmbedder()


def test_identity_names_the_model(embedder: SentenceTransformerEmbedder) -> None:
    """The identity is what collections record."""
    assert embedder.identity == EmbedderIdentity(model="all-MiniLM-L6-v2", dimension=384)


def test_vectors_are_unit_and_meaningful(embedder: SentenceTransformerEmbedder) -> None:
    """Near meanings are nearer than far ones, and every vector has length one."""
    vectors = embedder.embed(["A cat sleeps.", "A kitten naps.", "Interest rates rose."])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_tokens_are_counted_untruncated(embedder: SentenceTransformerEmbedder) -> None:
    """A text longer than the model sees is counted whole."""
    assert embedder.count_tokens("word " * 1000) == 1000
    assert embedder.max_tokens == 256


def test_no_texts_give_no_vectors(embedder: SentenceTransformerEmbedder) -> None:
    """An empty batch has the right shape."""
    assert embedder.embed([]).shape == (0, 384)


def test_unknown_model_is_a_settings_error() -> None:
    """A model that is not installed is refused by name."""
    with pytest.raises(SettingsError, match="no-such-model"):
        _ = SentenceTransformerEmbedder("no-such-model").identity


def test_other_model_is_refused_for_a_collection() -> None:
    """A collection built with another model says which one."""
    ours = EmbedderIdentity(model="a", dimension=2)
    with pytest.raises(ModelMismatchError, match="built with b"):
        ours.require(EmbedderIdentity(model="b", dimension=2), "docs")
