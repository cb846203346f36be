"""Signed statements: DSSE envelopes, made and opened.

Format: https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

import json

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...core.errors import ProvenanceError
from .dsse import SigningKey, local_key, open_payload, sign_payload
from .keys import key_id_of
from .statement import BatchStatement, read_statement

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def seal(statement: BatchStatement, key: SigningKey | Ed25519PrivateKey) -> str:
    """Sign a statement; return the DSSE envelope as JSON text."""
    signer = key if isinstance(key, SigningKey) else local_key(key)
    return sign_payload(rfc8785.dumps(statement.as_statement()), PAYLOAD_TYPE, [signer])


def open_sealed(envelope_json: str, public_key_pem: str) -> BatchStatement:
    """Verify an envelope with a public key; return the statement or raise `ProvenanceError`."""
    signer = key_id_of(public_key_pem)
    payload, _ = open_payload(envelope_json, PAYLOAD_TYPE, {signer: public_key_pem})
    try:
        return read_statement(json.loads(payload), signer)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): it holds no statement of ours"
        ) from error
