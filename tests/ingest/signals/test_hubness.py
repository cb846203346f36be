"""A vector near to probes of all kinds is a hub; of a new source sooner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.ingest.signals import SignalInput
from ragbastion.ingest.signals.hubness import LEAST_LIFT, NEW_LIFT, Hubness
from ragbastion.ingest.signals.probes import ProbeScores


@pytest.fixture
def probes() -> ProbeScores:
    """Return sixty probes over a collection of four hundred passages."""
    scores = ProbeScores("test")
    scores.set_vectors(_unit(np.random.default_rng(1).standard_normal((60, 64))))
    passages = _unit(np.random.default_rng(2).standard_normal((400, 64)))
    for start in range(0, 400, 40):
        scores.learn(passages[start : start + 40])
    return scores


def _unit(rows: np.ndarray) -> Matrix:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _lifted(probes: ProbeScores, least: float, most: float) -> Matrix:
    """Return a vector between noise and the probes' mean whose lift is within the bounds."""
    noise = _unit(np.random.default_rng(3).standard_normal((1, 64)))
    mean = _unit(probes.vectors.mean(axis=0, keepdims=True))
    for share in np.linspace(0.0, 1.0, 200):
        vector = _unit((1 - share) * noise + share * mean)
        if least < probes.measure(vector)[0][0] < most:
            return vector
    raise AssertionError("no share of the mean has that lift")


@pytest.mark.parametrize(
    ("least", "most", "established", "new"),
    [
        (-0.1, NEW_LIFT - 0.05, False, False),
        (NEW_LIFT + 0.02, LEAST_LIFT - 0.02, False, True),
        (LEAST_LIFT + 0.05, 3.0, True, True),
    ],
)
def test_a_lifted_vector(
    probes: ProbeScores, least: float, most: float, established: bool, new: bool
) -> None:
    """Below both limits, between them, and above."""
    probes.lift = np.zeros(3)  # nothing learned of what is usual: the least limits hold
    vector = _lifted(probes, least, most)
    known = SignalInput(document="a", source="s", text="t", pieces=("t",), vectors=vector)
    batch = [known, replace(known, probation=True)]
    readings = Hubness([probes]).measure(batch)
    assert [reading.score >= 1.0 for reading in readings] == [established, new]
