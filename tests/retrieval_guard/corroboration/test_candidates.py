"""What cannot be compared or ranked is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ragbastion.core.errors import UsageError, VectorError
from ragbastion.retrieval_guard import Standing, corroborate

TWO = [Standing("a"), Standing("b")]


def call(**changes: Any) -> Any:
    """Corroborate two plain candidates, with changes."""
    given: dict[str, Any] = {
        "query": "what is it",
        "texts": ["one", "two"],
        "vectors": np.eye(2, dtype=np.float32),
        "scores": [0.5, 0.4],
        "sources": TWO,
        "limit": 2,
    }
    return corroborate(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"vectors": np.eye(3)}, VectorError, "expected"),
        ({"vectors": [[1.0, 2.0], [1.0]]}, VectorError, "rectangular"),
        ({"vectors": [1.0, 2.0]}, VectorError, "shape"),
        ({"vectors": np.zeros((2, 0))}, VectorError, "shape"),
        ({"vectors": [[1.0, np.nan], [0.0, 1.0]]}, VectorError, "NaN"),
        ({"vectors": [[1.0, np.inf], [0.0, 1.0]]}, VectorError, "infinity"),
        ({"scores": [0.5, np.nan]}, UsageError, "NaN"),
        ({"scores": [0.5, -np.inf]}, UsageError, "infinity"),
        ({"scores": [0.5]}, UsageError, "one of each"),
        ({"scores": ["high", "low"]}, VectorError, "numbers"),
        ({"sources": TWO[:1]}, UsageError, "one of each"),
        ({"texts": ["one", None]}, UsageError, "str"),
        ({"scores": [10**400, 1]}, VectorError, "numbers"),
        ({"vectors": np.eye(2) * 1j}, VectorError, "numbers"),
        ({"texts": None}, UsageError, "texts"),
        ({"texts": "ab"}, UsageError, "texts"),
        ({"texts": (each for each in ("one", "two"))}, UsageError, "texts"),
        ({"sources": None}, UsageError, "sources"),
        ({"sources": ["a", "b"]}, UsageError, "Standing"),
        ({"sources": [Standing("a"), Standing(None)]}, UsageError, "Standing"),  # type: ignore[arg-type]
        ({"sources": [Standing("a"), Standing("b", opened_at="2026-01-01")]},  # type: ignore[arg-type]
         UsageError, "seconds"),
        ({"query": " "}, UsageError, "empty"),
        ({"limit": 0}, UsageError, "limit"),
        ({"limit": True}, UsageError, "limit"),
    ],
)  # fmt: skip
def test_refused(changes: dict[str, Any], error: type[Exception], told: str) -> None:
    """Each fault has its own error, that says what to do."""
    with pytest.raises(error, match=told):
        call(**changes)


def test_more_is_asked_for_than_there_is() -> None:
    """A limit beyond the candidates serves those that there are; an array of texts is a list."""
    answer = call(texts=np.array(["one", "two"]), limit=10**9)
    assert (answer.chosen, answer.certificate.k) == ((0, 1), 2)


def test_no_candidates_are_no_fault() -> None:
    """An empty search is answered with nothing, and a certificate that says so."""
    answer = call(texts=[], vectors=[], scores=[], sources=[])
    assert (answer.chosen, answer.certificate.k) == ((), 0)


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e300])
def test_odd_lengths_of_vectors_are_no_fault(scale: float) -> None:
    """Zeros stand for no vector; the largest and the smallest numbers still have a direction."""
    answer = call(vectors=np.ones((2, 2)) * scale, texts=["one", "other"])
    assert answer.chosen == (0, 1)
