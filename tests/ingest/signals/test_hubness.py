"""What is near to queries of all kinds is held, once enough was learned to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.ingest.signals import SignalInput
from ragbastion.ingest.signals.hubness import LEAST_LEARNED, LEAST_LIFT, NEW_LIFT, Hubness
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
    signal = Hubness(probes, ProbeScores("asked"))
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
    assert Hubness(learned(300), ProbeScores("asked")).measure([bare])[0].score == 0.0


def lifted(probes: ProbeScores, least: float, most: float) -> Matrix:
    """Return a vector between noise and the probes' mean whose lift is within the bounds."""
    noise = unit(3, 1)
    mean = probes.vectors.mean(axis=0, keepdims=True)
    mean /= np.linalg.norm(mean)
    for share in np.linspace(0.0, 1.0, 200):
        vector = (1 - share) * noise + share * mean
        vector /= np.linalg.norm(vector)
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
def test_a_lifted_vector(least: float, most: float, established: bool, new: bool) -> None:
    """Below both limits, between them, and above: of a new source sooner."""
    probes = learned(400)
    probes.lift = np.zeros(3)  # nothing learned of what is usual: the least limits hold
    vector = lifted(probes, least, most)
    known = SignalInput(document="a", source="s", text="t", pieces=("t",), vectors=vector)
    batch = [known, replace(known, probation=True)]
    readings = Hubness(probes, ProbeScores("asked")).measure(batch)
    assert [reading.score >= 1.0 for reading in readings] == [established, new]


def test_the_subject_that_is_asked_about_is_no_hub() -> None:
    """Half of what is asked is of one subject, and the first passage of it lifts all of that."""
    subject = unit(4, 1)
    asked = ProbeScores("asked")
    near = unit(5, 30) + 1.2 * subject
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    asked.set_vectors(np.concatenate([near, unit(6, 30)]).astype(np.float32))
    asked.learn(unit(2, 400))
    assert asked.measure(subject)[0][0] > LEAST_LIFT
    each = SignalInput(document="a", source="s", text="t", pieces=("t",), vectors=subject)
    assert Hubness(learned(400), asked).measure([each])[0].score < 1.0
