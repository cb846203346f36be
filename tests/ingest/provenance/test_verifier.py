"""Honest chunks verify; each way of tampering is refused and named."""

import base64
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.errors import ProvenanceError
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkProof,
    ChunkVerifier,
    SourceRegistry,
    from_point,
    to_point,
)
from ragbastion.ingest.provenance.dsse import local_key
from ragbastion.ingest.provenance.envelope import open_sealed, seal
from ragbastion.ingest.provenance.keys import SigningKeys

from .conftest import COLLECTION_UID, make_chunks

Signed = list[tuple[Chunk, ChunkProof]]


def test_honest_chunks_are_trusted(signed: Signed, verifier: ChunkVerifier) -> None:
    """A chunk signed by its source's key comes back labelled trusted."""
    labels = [
        verifier.verify(chunk, proof, collection_uid=COLLECTION_UID).integrity
        for chunk, proof in signed
    ]
    assert labels == [Integrity.TRUSTED] * 5


def test_payload_round_trip_verifies(signed: Signed, verifier: ChunkVerifier) -> None:
    """A chunk read back from its store payload still verifies."""
    chunk, proof = from_point(to_point(*signed[2]))
    assert verifier.verify(chunk, proof, collection_uid=COLLECTION_UID).text == "text 2"


def _moved_vector(chunk: Chunk) -> Chunk:
    assert chunk.vector is not None
    return replace(chunk, vector=np.roll(chunk.vector, 1))


TAMPERS: dict[str, tuple[Callable[[Chunk], Chunk], str]] = {
    "text": (lambda chunk: replace(chunk, text="paid in full"), "altered"),
    "metadata": (lambda chunk: replace(chunk, metadata={"title": "U"}), "altered"),
    "id": (lambda chunk: replace(chunk, id="other"), "moved"),
    "document": (lambda chunk: replace(chunk, document=DocumentId("d")), "altered"),
    "digest": (lambda chunk: replace(chunk, document_digest=Digest("00")), "altered"),
    "position": (lambda chunk: replace(chunk, position=9), "altered"),
    "tenant": (lambda chunk: replace(chunk, tenant=TenantId("evil")), "moved"),
    "source": (lambda chunk: replace(chunk, source="forum"), "moved"),
    "vector": (_moved_vector, "another vector"),
    "nan": (lambda chunk: replace(chunk, vector=np.full(32, np.nan, np.float32)), "no usable"),
    "no vector": (lambda chunk: replace(chunk, vector=None), "no usable"),
    "surrogate": (lambda chunk: replace(chunk, text="\ud800"), "altered"),
}


@pytest.mark.parametrize("name", TAMPERS)
def test_tampering_is_named(name: str, signed: Signed, verifier: ChunkVerifier) -> None:
    """Any field that is changed after signing is refused, with the reason."""
    tamper, reason = TAMPERS[name]
    chunk, proof = signed[1]
    with pytest.raises(ProvenanceError, match=reason):
        verifier.verify(tamper(chunk), proof, collection_uid=COLLECTION_UID)


PROOF_TAMPERS: dict[str, Callable[[Signed], ChunkProof | None]] = {
    "missing": lambda signed: None,
    "of another chunk": lambda signed: signed[0][1],
    "index": lambda signed: replace(signed[1][1], index=0),
    "index beyond the tree": lambda signed: replace(signed[1][1], index=99),
    "truncated path": lambda signed: replace(signed[1][1], path=signed[1][1].path[:-1]),
    "reordered path": lambda signed: replace(signed[1][1], path=signed[1][1].path[::-1]),
    "lengthened path": lambda signed: replace(
        signed[1][1], path=(*signed[1][1].path, signed[1][1].path[0])
    ),
    "no path": lambda signed: replace(signed[1][1], path=()),
    "unknown envelope": lambda signed: replace(signed[1][1], envelope="f" * 32),
    "sketch": lambda signed: replace(signed[1][1], sketch=b"\x00" * 32),
    "short sketch": lambda signed: replace(signed[1][1], sketch=b""),
}


@pytest.mark.parametrize("name", PROOF_TAMPERS)
def test_changed_proof_is_refused(name: str, signed: Signed, verifier: ChunkVerifier) -> None:
    """A proof that is missing, spliced, cut or reordered proves nothing."""
    with pytest.raises(ProvenanceError):
        verifier.verify(signed[1][0], PROOF_TAMPERS[name](signed), collection_uid=COLLECTION_UID)


def test_another_collection_is_refused(signed: Signed, verifier: ChunkVerifier) -> None:
    """A point copied into another collection, or one made again, does not verify there."""
    with pytest.raises(ProvenanceError, match="moved"):
        verifier.verify(*signed[0], collection_uid="uid-2")


def test_key_of_another_source_is_refused(
    tmp_path: Path, signer: BatchSigner, verifier: ChunkVerifier
) -> None:
    """An envelope signed by a registered key of another source does not vouch for this one."""
    [chunk] = make_chunks(1, source="forum")
    [proof] = signer.sign([chunk], collection_uid=COLLECTION_UID)
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.execute("UPDATE keys SET name = 'source/wiki'")
    with pytest.raises(ProvenanceError, match="not registered"):
        verifier.verify(chunk, proof, collection_uid=COLLECTION_UID)


def test_forged_envelope_is_refused(
    tmp_path: Path, signed: Signed, verifier: ChunkVerifier
) -> None:
    """An envelope whose statement was changed in the registry fails its signature."""
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.execute(
            'UPDATE envelopes SET envelope = replace(envelope, \'"payload": "\', '
            '\'"payload": "AAAA\')'
        )
    with pytest.raises(ProvenanceError, match="does not verify"):
        verifier.verify(*signed[0], collection_uid=COLLECTION_UID)


@pytest.mark.parametrize("size", [0, -1, 1, 2, 6, 9, 2**53 - 1])
def test_a_wrong_tree_size_is_refused(
    tmp_path: Path, signed: Signed, verifier: ChunkVerifier, size: int
) -> None:
    """Also where the source itself signed it: no path of five leaves fits another tree."""
    chunk, proof = signed[4]
    registry = SourceRegistry(tmp_path)
    text, key_id = registry.envelope(proof.envelope) or ("", "")
    record = registry.key(key_id)
    assert record is not None
    honest = open_sealed(text, record.public_pem)
    key = local_key(SigningKeys(tmp_path).key("acme/source/wiki"))
    forged = seal(replace(honest, tree_size=size), key)
    registry.add_envelope("f" * 32, ("acme", COLLECTION_UID, "wiki"), key_id, forged)
    with pytest.raises(ProvenanceError, match=r"is altered|refused"):
        verifier.verify(chunk, replace(proof, envelope="f" * 32), collection_uid=COLLECTION_UID)
    registry.close()


@pytest.mark.parametrize("second", ["bad", "a stranger's", "the same twice"])
def test_a_second_signature_is_refused(
    tmp_path: Path, signed: Signed, verifier: ChunkVerifier, second: str
) -> None:
    """An envelope with one good signature and another one beside it proves nothing."""
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        [[text]] = database.execute("SELECT envelope FROM envelopes").fetchall()
        envelope = json.loads(text)
        [good] = envelope["signatures"]
        other = {
            "bad": {**good, "sig": base64.b64encode(bytes(64)).decode()},
            "a stranger's": {**good, "keyid": "ab" * 32},
            "the same twice": good,
        }[second]
        envelope["signatures"].append(other)
        database.execute("UPDATE envelopes SET envelope = ?", (json.dumps(envelope),))
    with pytest.raises(ProvenanceError, match="envelope refused"):
        verifier.verify(*signed[0], collection_uid=COLLECTION_UID)


def test_untrusted_pattern_labels_the_source(tmp_path: Path) -> None:
    """A source that the settings do not trust is signed and labelled untrusted."""
    policy = ProvenanceSettings(untrusted_sources=("web-*",))
    [chunk] = make_chunks(1, source="web-forum")
    [proof] = BatchSigner(tmp_path, policy).sign([chunk], collection_uid=COLLECTION_UID)
    verified = ChunkVerifier(tmp_path).verify(chunk, proof, collection_uid=COLLECTION_UID)
    assert verified.integrity is Integrity.UNTRUSTED


def test_trust_and_revocation_take_effect_at_once(
    tmp_path: Path, signed: Signed, verifier: ChunkVerifier
) -> None:
    """A running verifier sees a source lose trust and a key revoked by another process."""
    verifier.verify(*signed[0], collection_uid=COLLECTION_UID)
    registry = SourceRegistry(tmp_path)
    registry.set_trust("acme", "wiki", trusted=False)
    label = verifier.verify(*signed[0], collection_uid=COLLECTION_UID).integrity
    assert label is Integrity.UNTRUSTED
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        [[key_id]] = database.execute("SELECT key_id FROM keys").fetchall()
    registry.revoke_key(key_id, "stolen laptop")
    with pytest.raises(ProvenanceError, match="revoked"):
        verifier.verify(*signed[0], collection_uid=COLLECTION_UID)


def test_reviewer_signature_is_trusted(signer: BatchSigner, verifier: ChunkVerifier) -> None:
    """What a reviewer released verifies with the reviewer's key."""
    [chunk] = make_chunks(1)
    [proof] = signer.sign([chunk], collection_uid=COLLECTION_UID, reviewer="dana")
    verified = verifier.verify(chunk, proof, collection_uid=COLLECTION_UID)
    assert verified.integrity is Integrity.TRUSTED


def test_sources_are_counted_by_collection(signer: BatchSigner, verifier: ChunkVerifier) -> None:
    """The count covers one tenant of one collection, each source once."""
    for source in ("a", "b", "a"):
        signer.sign(make_chunks(2, source=source), collection_uid=COLLECTION_UID)
    signer.sign(make_chunks(1, tenant="other", source="c"), collection_uid=COLLECTION_UID)
    assert verifier.source_count("acme", COLLECTION_UID) == 2
    assert verifier.source_count("acme", "uid-2") == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(at=st.integers(0, 4), bit=st.integers(0, 7), byte=st.integers(0, 10_000))
def test_any_flipped_bit_of_the_payload_fails_or_changes_nothing(
    signed: Signed, verifier: ChunkVerifier, at: int, bit: int, byte: int
) -> None:
    """Flipping any bit of a text's bytes is refused."""
    chunk, proof = signed[at]
    raw = bytearray(chunk.text.encode())
    raw[byte % len(raw)] ^= 1 << bit
    changed = replace(chunk, text=raw.decode("latin-1"))
    with pytest.raises(ProvenanceError):
        verifier.verify(changed, proof, collection_uid=COLLECTION_UID)
