"""A proof travels as text in either version, and its size is bounded."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.errors import ProvenanceError
from ragbastion.ingest.provenance import BatchSigner, ChunkProof
from ragbastion.ingest.provenance.secure_sketch import sketch_bytes

from .conftest import COLLECTION_UID, make_chunks

PROOFS = st.builds(
    ChunkProof,
    envelope=st.binary(min_size=16, max_size=16).map(bytes.hex),
    index=st.integers(0, 2**32 - 1),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=20).map(tuple),
    sketch=st.binary(max_size=80),
)


@given(PROOFS)
def test_a_proof_reads_as_it_was_written(proof: ChunkProof) -> None:
    """Every field comes back, also through JSON."""
    assert ChunkProof.from_payload(json.loads(json.dumps(proof.as_payload()))) == proof


def test_the_object_of_version_1_is_read() -> None:
    """Points that are in stores carry it."""
    payload = {
        "envelope": "ab" * 16,
        "index": 3,
        "path": base64.b64encode(bytes(64)).decode(),
        "sketch": base64.b64encode(bytes(32)).decode(),
    }
    expected = ChunkProof(
        envelope="ab" * 16, index=3, path=(bytes(32), bytes(32)), sketch=bytes(32)
    )
    assert ChunkProof.from_payload(payload) == expected


GOOD = ChunkProof(envelope="ab" * 16, index=0, path=(bytes(32),), sketch=bytes(20)).as_payload()
MALFORMED: list[Any] = [
    "",
    "no base64",
    GOOD[:-24] + "é",
    base64.b64encode(b"\x02").decode(),
    base64.b64encode(b"\x03" + base64.b64decode(GOOD)[1:]).decode(),
    base64.b64encode(base64.b64decode(GOOD)[:40]).decode(),
    7,
    [],
    True,
    {},
    {"envelope": "a", "index": 0, "path": "AAAA", "sketch": ""},
    {"envelope": "a", "index": "0", "path": "", "sketch": ""},
]


@pytest.mark.parametrize("payload", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_proof_is_refused(payload: Any) -> None:
    """Cut, of another version, of another type: one error of ours."""
    with pytest.raises(ProvenanceError, match="malformed"):
        ChunkProof.from_payload(payload)


@pytest.mark.parametrize("dimension", [32, 384, 768, 1536])
def test_a_proof_takes_600_bytes_at_most(tmp_path: Path, dimension: int) -> None:
    """However large the batch: it is signed as several trees."""
    chunks = make_chunks(1100, dimension=dimension)
    proofs = BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)
    assert {len(proof.sketch) for proof in proofs} == {sketch_bytes(dimension)}
    assert max(len(json.dumps(proof.as_payload())) for proof in proofs) <= 600
