"""What older versions signed goes on verifying, and its tampering goes on being refused."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import ProvenanceError
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance import ChunkVerifier, from_point

GOLDEN = Path(__file__).parent / "golden"
UID = "00000000-0000-4000-8000-000000000001"
VERSIONS = sorted(folder.name for folder in GOLDEN.iterdir())


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each version that ever wrote points."""
    return str(request.param)


@pytest.fixture
def verifier(tmp_path: Path, version: str) -> ChunkVerifier:
    """A verifier over the state folder of that version."""
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.executescript((GOLDEN / version / "registry.sql").read_text())
    return ChunkVerifier(tmp_path)


def _points(version: str) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = json.loads((GOLDEN / version / "points.json").read_text())
    return points


def _point(data: dict[str, Any]) -> StoredPoint:
    vector = np.array(data["vector"], dtype=np.float32)
    return StoredPoint(id=data["id"], vector=vector, payload=data["payload"])


def test_every_point_verifies(version: str, verifier: ChunkVerifier) -> None:
    """Chunks of every size of tree, by source and by reviewer, come back trusted."""
    pairs = [from_point(_point(each)) for each in _points(version)]
    outcomes = verifier.verify_batch(pairs, collection_uid=UID)
    labels = [getattr(outcome, "integrity", outcome) for outcome in outcomes]
    assert labels == [Integrity.TRUSTED] * 13


def test_any_changed_field_is_refused(version: str, verifier: ChunkVerifier) -> None:
    """Each field of each point is bound, in every version."""
    for data in _points(version):
        chunk, proof = from_point(_point(data))
        assert chunk.vector is not None
        changes = (
            replace(chunk, text=chunk.text + " "),
            replace(chunk, metadata={**chunk.metadata, "new": 1}),
            replace(chunk, id=chunk.id[::-1]),
            replace(chunk, document=chunk.document + "x"),
            replace(chunk, document_digest="00" * 32),
            replace(chunk, position=chunk.position + 1),
            replace(chunk, tenant="evil"),
            replace(chunk, source="forum"),
            replace(chunk, vector=np.roll(chunk.vector, 1)),
        )
        outcomes = verifier.verify_batch([(each, proof) for each in changes], collection_uid=UID)
        assert all(isinstance(each, ProvenanceError) for each in outcomes), outcomes


def test_versions_verify_beside_each_other(tmp_path: Path) -> None:
    """One call may hold points of every version, as a store does after an update."""
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        for version in VERSIONS:
            script = (GOLDEN / version / "registry.sql").read_text()
            for word in ("CREATE TABLE", "CREATE INDEX"):
                script = script.replace(f"{word} ", f"{word} IF NOT EXISTS ")
            database.executescript(script.replace("INSERT INTO", "INSERT OR IGNORE INTO"))
    points = [_point(each) for pair in zip(*map(_points, VERSIONS), strict=True) for each in pair]
    outcomes = ChunkVerifier(tmp_path).verify_batch(
        [from_point(point) for point in points], collection_uid=UID
    )
    assert [getattr(each, "integrity", each) for each in outcomes] == [Integrity.TRUSTED] * 26


def test_a_proof_of_one_version_proves_nothing_in_the_other(tmp_path: Path) -> None:
    """The same chunks were signed in both; leaves and sketches cannot be carried over."""
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.executescript((GOLDEN / "v2" / "registry.sql").read_text())
    verifier = ChunkVerifier(tmp_path)
    for old, new in zip(_points("v1"), _points("v2"), strict=True):
        (chunk, proof), (_, signed) = from_point(_point(old)), from_point(_point(new))
        assert proof is not None
        assert signed is not None
        spliced = replace(proof, envelope=signed.envelope)
        with pytest.raises(ProvenanceError, match=r"another vector|no usable vector"):
            verifier.verify(chunk, spliced, collection_uid=UID)
