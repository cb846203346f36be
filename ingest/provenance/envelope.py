"""Signed statements: DSSE envelopes, made and opened.

The only module that imports securesystemslib. Format: https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

import json

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from ...core.errors import ProvenanceError
from .keys import key_id
from .statement import BatchStatement, read_statement

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def seal(statement: BatchStatement, key: Ed25519PrivateKey) -> str:
    """Sign a statement; return the DSSE envelope as JSON text."""
    public = SSlibKey.from_crypto(key.public_key(), keyid=key_id(key.public_key()))
    envelope = Envelope(rfc8785.dumps(statement.as_statement()), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, public))
    return json.dumps(envelope.to_dict(), sort_keys=True)


def open_sealed(envelope_json: str, public_key_pem: str) -> BatchStatement:
    """Verify an envelope with a public key; return the statement or raise `ProvenanceError`."""
    try:
        key = load_pem_public_key(public_key_pem.encode())
        envelope = Envelope.from_dict(json.loads(envelope_json))
        expected = SSlibKey.from_crypto(key, keyid=key_id(key))  # type: ignore[arg-type]
        envelope.verify([expected], threshold=1)
        if envelope.payload_type != PAYLOAD_TYPE or len(envelope.signatures) != 1:
            raise ProvenanceError("envelope refused: wrong payload type or number of signatures")
        return read_statement(json.loads(envelope.payload), expected.keyid)
    except (VerificationError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): its signature does not verify"
        ) from error


def public_key_id(public_key_pem: str) -> str:
    """Return the id of a public key; raises ValueError for what is not an Ed25519 key."""
    key = load_pem_public_key(public_key_pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key_id(key)
