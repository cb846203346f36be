"""A batch is cut and embedded, and what cannot be is refused alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.core.errors import VectorError

from .conftest import write

if TYPE_CHECKING:
    from conftest import HashingEmbedder, Rig


class BrokenEmbedder:
    """An embedder whose vectors are broken by a function."""

    max_tokens = 256

    def __init__(self, base: HashingEmbedder, breaks: Callable[[Sequence[str], Matrix], Matrix]):
        self.identity = base.identity
        self.count_tokens = base.count_tokens
        self._base = base
        self._breaks = breaks

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return the base's vectors, broken."""
        return self._breaks(texts, self._base.embed(texts))


def _nan_where_poison(texts: Sequence[str], vectors: Matrix) -> Matrix:
    for at, text in enumerate(texts):
        if "poison" in text:
            vectors[at, 3] = np.nan
    return vectors


def test_a_text_with_a_nan_vector_is_refused_alone(
    make_rig: Callable[..., Rig], embedder: HashingEmbedder, tmp_path: Path
) -> None:
    """Only the document whose vector is NaN fails; the others of its batch are stored."""
    rig = make_rig(embedder=BrokenEmbedder(embedder, _nan_where_poison))
    write(tmp_path / "in" / "a.txt", "The harbour opens at six.")
    write(tmp_path / "in" / "b.txt", "This is poison.")
    report = rig.ingest(tmp_path / "in")
    assert [(each.path, each.error) for each in report.failures] == [("b.txt", "VectorError")]
    assert rig.texts() == ["The harbour opens at six."]


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda _, vectors: vectors[:, :-1], r"expected \(n, 32\)"),
        (lambda _, vectors: vectors[1:], "0 for 1 texts"),
    ],
    ids=["dimension", "count"],
)
def test_vectors_of_a_wrong_shape_write_nothing(
    make_rig: Callable[..., Rig],
    embedder: HashingEmbedder,
    tmp_path: Path,
    breaks: Callable[[Sequence[str], Matrix], Matrix],
    message: str,
) -> None:
    """Another dimension or count than promised is a vector error, and the store stays empty."""
    rig = make_rig(embedder=BrokenEmbedder(embedder, breaks))
    report = rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    assert (report.failures[0].error, rig.points()) == (VectorError.__name__, [])
    assert re.search(message, report.failures[0].message)


def test_a_vector_of_another_length_is_held(
    make_rig: Callable[..., Rig], embedder: HashingEmbedder, tmp_path: Path
) -> None:
    """A vector scaled to win inner products puts its document in quarantine."""
    rig = make_rig(embedder=BrokenEmbedder(embedder, lambda _, vectors: vectors * 3))
    report = rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    assert report.quarantined_items[0].reasons == ("a vector's length is off 1 by 2",)


def test_a_document_without_visible_text_is_a_failure(rig: Rig, tmp_path: Path) -> None:
    """A page of nothing to see is refused rather than counted as ingested."""
    report = rig.ingest(write(tmp_path / "a.html", "<!-- reviewed by Ann --><p> </p>"))
    assert (report.failed, report.ingested) == (1, 0)
