"""Embeddings on disk: known texts are not embedded again, foreign files are refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ragbastion.benchmarks.poisoning.vectors import Vectors, key_of
from ragbastion.core.chunk import Matrix
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import LoadError


class Lengths:
    """Embeds a text as its length and one, and remembers what it was asked."""

    identity = EmbedderIdentity(model="lengths", dimension=2)
    max_tokens = 512

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count_tokens(self, text: str) -> int:
        """A character is a token."""
        return len(text)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return (n, 2)."""
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    """In a run, and by a run before it."""
    first = Vectors(Lengths(), tmp_path)
    first.embed(["bb", "a", "bb"])
    first.save()
    model = Lengths()
    again = Vectors(model, tmp_path).embed(["a", "ccc", "bb"])
    assert again.tolist() == [[1, 1], [3, 1], [2, 1]]
    assert model.asked == ["ccc"]


def test_another_folder_is_read_and_not_written(tmp_path: Path) -> None:
    """Keys and vectors in two files are read as well."""
    np.save(tmp_path / "vectors.npy", np.array([[9, 9]], dtype=np.float32))
    (tmp_path / "keys.json").write_text(json.dumps([key_of("a")]))
    vectors = Vectors(Lengths(), None, [tmp_path])
    assert vectors.embed(["a", "bb"]).tolist() == [[9, 9], [2, 1]]
    vectors.save()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.json", "vectors.npy"]


def test_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    """Their dimension tells."""
    np.savez(tmp_path / "vectors.npz", keys=np.array(["x"]), vectors=np.ones((1, 3)))
    with pytest.raises(LoadError, match="not of this model"):
        Vectors(Lengths(), tmp_path)


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_a_damaged_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A truncated archive, an empty one, and what is none at all are named."""
    path = tmp_path / "vectors.npz"
    np.savez(path, keys=np.array(["x"]), vectors=np.ones((1, 2)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LoadError, match="cannot be read"):
        Vectors(Lengths(), tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(LoadError, match="cannot be read"):
        Vectors(Lengths(), tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    """One of them would make every score of the run NaN, which ranks nothing."""
    np.savez(tmp_path / "vectors.npz", keys=np.array(["x"]), vectors=np.array([[1.0, bad]]))
    with pytest.raises(LoadError, match="NaN or infinity"):
        Vectors(Lengths(), tmp_path)


def test_vectors_of_text_are_refused(tmp_path: Path) -> None:
    """They have the shape and are none."""
    np.savez(tmp_path / "vectors.npz", keys=np.array(["x"]), vectors=np.array([["a", "b"]]))
    with pytest.raises(LoadError, match="not of this model"):
        Vectors(Lengths(), tmp_path)
