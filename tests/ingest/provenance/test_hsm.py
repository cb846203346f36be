"""A security module signs batches: with SoftHSM where ``PYKCS11LIB`` names it, else skipped.

    SOFTHSM2_CONF=… PYKCS11LIB=/usr/lib/softhsm/libsofthsm2.so pytest tests/ingest/provenance

The token ``ragbastion`` with PIN 1234 must have been made (``softhsm2-util --init-token``).
"""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import ProvenanceError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.ingest.provenance.source_admin import SignerAt, SourceAdmin
from ragbastion.ingest.provenance.source_records import SourceRecord

from .conftest import COLLECTION_UID, make_chunks

if "PYKCS11LIB" not in os.environ:
    pytest.skip("no PKCS#11 module is named", allow_module_level=True)

pkcs11 = pytest.importorskip("pkcs11")

LABEL, PIN = "ragbastion", "1234"


@pytest.fixture
def held() -> SignerAt:
    """Return a P-256 key that was made in the module."""
    from pkcs11.util.ec import encode_named_curve_parameters
    from securesystemslib.signer import HSMSigner

    token = pkcs11.lib(os.environ["PYKCS11LIB"]).get_token(token_label=LABEL)
    number = int.from_bytes(os.urandom(3)) | 1
    curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    with token.open(rw=True, user_pin=PIN) as session:
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        parameters.generate_keypair(store=True, label="k", id=pkcs11.util.biginteger(number))
    uri, key = HSMSigner.import_(number, LABEL, lambda _: PIN)
    return SignerAt(uri=uri, public_pem=key.keyval["public"])


def test_a_module_signs_a_batch(tmp_path: Path, held: SignerAt) -> None:
    """The chunks are trusted, and no private key is in the state folder."""
    SourceAdmin(tmp_path, MemoryEventSink(), principal="root").open(
        SourceRecord(tenant="acme", source="wiki"), held
    )
    signer = BatchSigner(tmp_path, ProvenanceSettings(signer_pin=SecretStr(PIN)))
    chunks = make_chunks(3)
    pairs = zip(chunks, signer.sign(chunks, collection_uid=COLLECTION_UID), strict=True)
    found = ChunkVerifier(tmp_path).verify_batch(list(pairs), collection_uid=COLLECTION_UID)
    assert {each.integrity for each in found} == {Integrity.TRUSTED}
    assert not list(tmp_path.rglob("*.pem"))


def test_a_wrong_pin_is_a_clear_error(tmp_path: Path, held: SignerAt) -> None:
    """Without the PIN in it."""
    SourceAdmin(tmp_path, MemoryEventSink(), principal="root").open(
        SourceRecord(tenant="acme", source="wiki"), held
    )
    signer = BatchSigner(tmp_path, ProvenanceSettings(signer_pin=SecretStr("99887766")))
    with pytest.raises(ProvenanceError, match="PinIncorrect") as refused:
        signer.sign(make_chunks(1), collection_uid=COLLECTION_UID)
    assert "99887766" not in str(refused.value)
