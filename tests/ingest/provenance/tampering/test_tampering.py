"""Each kind of tampering is caught and named, at retrieval and by a sweep; honest points pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient
from ragbastion.benchmarks.tampering.kinds import TAMPERINGS
from ragbastion.benchmarks.tampering.simulator import (
    ACME,
    CURATOR,
    EMBEDDER,
    Simulator,
    chunks_of,
    named,
)
from ragbastion.core.store import VectorStore
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, from_point, to_point
from ragbastion.tenancy import EdgeStore, QdrantStore

STORES = ("embedded", "qdrant")


def _open(kind: str, folder: Path) -> VectorStore:
    return EdgeStore(folder) if kind == "embedded" else QdrantStore(QdrantClient(":memory:"))


@pytest.fixture(params=STORES)
def simulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Simulator]:
    """Honest points in each of our stores."""
    made = Simulator(_open(request.param, tmp_path / "store"), tmp_path / "own", tmp_path / "enemy")
    yield made
    made.close()


def test_honest_points_pass(simulator: Simulator) -> None:
    """A sweep of what nobody touched finds nothing, and retrieval serves it."""
    report = simulator.swept()
    assert (report.clean, report.totals()["ok"]) == (True, 5)
    assert simulator.retrieved(simulator.point(1).id) == "trusted"


def test_honest_labels_pass(simulator: Simulator) -> None:
    """Whoever may labels, deletes and restores a document raises no alarm by it."""
    documents = simulator.documents()
    simulator.label(1, classification=2)
    simulator.label(2, classification=0)
    for change in (documents.delete, documents.restore, documents.delete):
        change(named(1), CURATOR)
        assert simulator.retrieved(simulator.point(1).id) == "trusted"
        assert simulator.swept().totals()["ok"] == 5
    simulator.label(2, classification=1)
    assert simulator.swept().clean


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_is_caught_and_named(kind: str, simulator: Simulator) -> None:
    """Retrieval refuses the point with the reason; a sweep counts what was spoiled and no more."""
    tampering = TAMPERINGS[kind]
    point = tampering.act(simulator)
    reason = simulator.retrieved(point)
    report = simulator.swept()
    assert tampering.refusal in reason
    assert reason != "trusted"
    bad = {name: n for name, n in report.totals().items() if name != "ok" and n}
    assert bad == {tampering.state: tampering.spoils or simulator.count}
    named = {finding.id for finding in report.findings}
    assert (point in named) is (tampering.state != "missing")


class Trip:
    """Signs, stores, reads back and verifies."""

    def __init__(self, store: VectorStore, state_dir: Path) -> None:
        self.store = store
        self.info = store.create_collection("trips", EMBEDDER)
        self.signer, self.verifier = BatchSigner(state_dir), ChunkVerifier(state_dir)

    def close(self) -> None:
        """Close all of it."""
        self.signer.close()
        self.verifier.close()
        self.store.close()


@pytest.fixture(scope="module", params=STORES)
def trip(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trip]:
    """A store and a state folder that examples share."""
    folder = tmp_path_factory.mktemp("trip")
    made = Trip(_open(request.param, folder / "store"), folder / "state")
    yield made
    made.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    count=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-3, 1.0, 7.5]),
)
def test_an_honest_round_trip_is_never_refused(
    trip: Trip, count: int, seed: int, scale: float
) -> None:
    """Whatever was signed and stored comes back trusted, however long its vectors were."""
    chunks = [
        replace(each, vector=(np.asarray(each.vector) * scale).astype(np.float32))
        for each in chunks_of(ACME, trip.info.uid, count, seed=seed)
    ]
    proofs = trip.signer.sign(chunks, collection_uid=trip.info.uid)
    points = [to_point(chunk, proof) for chunk, proof in zip(chunks, proofs, strict=True)]
    trip.store.upsert(trip.info.name, ACME, points)
    back = trip.store.get(trip.info.name, ACME, [chunk.id for chunk in chunks])
    outcomes = trip.verifier.verify_batch(
        [from_point(point) for point in back], collection_uid=trip.info.uid
    )
    assert [str(getattr(each, "integrity", each)) for each in outcomes] == ["trusted"] * count
