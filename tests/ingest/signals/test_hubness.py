"""What is near to queries of all kinds is held, once enough was learned to tell."""

from __future__ import annotations

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.ingest.signals import SignalInput
from ragbastion.ingest.signals.hubness import LEAST_LEARNED, Hubness
from ragbastion.ingest.signals.probes import ProbeScores

DIMENSION = 64


def unit(seed: int, count: int) -> Matrix:
    """Return random unit vectors (n, 64)."""
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def learned(count: int) -> ProbeScores:
    """Return sixty unlike probes that have seen so many passages."""
    probes = ProbeScores("probes")
    probes.set_vectors(unit(1, 60))
    probes.learn(unit(2, count))
    return probes


def reported(probes: ProbeScores, vectors: Matrix) -> bool:
    """Tell whether a document with such a passage is a hub."""
    each = SignalInput(document="a", source="s", text="t", pieces=("t",), vectors=vectors)
    signal = Hubness([probes])
    return signal.measure([each])[0].score >= signal.threshold


@pytest.mark.parametrize(("count", "found"), [(LEAST_LEARNED - 1, False), (LEAST_LEARNED, True)])
def test_the_mean_of_all_probes_is_a_hub(count: int, found: bool) -> None:
    """From 200 learned passages on: of few each one answers something best."""
    probes = learned(count)
    mean = probes.vectors.sum(axis=0, keepdims=True)
    assert reported(probes, mean / np.linalg.norm(mean)) is found


def test_no_passage_like_the_others_is_a_hub() -> None:
    """Fifty more of the same kind pass, and so does what answers one probe word by word."""
    probes = learned(300)
    assert not any(reported(probes, row[None]) for row in unit(3, 50))
    assert not reported(probes, probes.vectors[:1])


def test_a_document_without_vectors_is_none() -> None:
    """Nothing to measure is no finding, also beside one that has vectors."""
    bare = SignalInput(document="a", source="s", text="t")
    assert Hubness([learned(300)]).measure([bare])[0].score == 0.0
