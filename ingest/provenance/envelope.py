"""One signed statement a batch: an in-toto Statement v1 over a Merkle root, in a DSSE envelope.

The only module that imports securesystemslib. Formats: https://in-toto.io/Statement/v1 and
https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from ...core.errors import ProvenanceError
from .keys import key_id

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:ragbastion:attestation:chunk-batch:v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatement:
    """What a batch's signature says: these chunks, of this tenant and source, in this collection.

    ``root`` is the hex Merkle root over ``tree_size`` leaves; ``key_id`` names the signing key
    inside the signed bytes; ``signed_at`` is seconds since the epoch by the signer's clock;
    ``reviewer`` is set where a person released the documents from quarantine.
    """

    tenant: str
    source: str
    collection_uid: str
    root: str
    tree_size: int
    key_id: str
    signed_at: int
    reviewer: str = ""

    def as_statement(self) -> dict[str, Any]:
        """Return the in-toto Statement."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "chunks", "digest": {"sha256": self.root}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "tenant": self.tenant,
                "source": self.source,
                "collectionUid": self.collection_uid,
                "treeSize": self.tree_size,
                "keyId": self.key_id,
                "signedAt": self.signed_at,
                "reviewer": self.reviewer,
            },
        }


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
        return _read_statement(json.loads(envelope.payload), expected.keyid)
    except (VerificationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): its signature does not verify"
        ) from error


def _read_statement(data: dict[str, Any], signed_by: str) -> BatchStatement:
    predicate = data["predicate"]
    if data["_type"] != STATEMENT_TYPE or data["predicateType"] != PREDICATE_TYPE:
        raise ProvenanceError("envelope refused: it holds another kind of statement")
    if predicate["keyId"] != signed_by:
        raise ProvenanceError("envelope refused: it names another key than the one that signed")
    return BatchStatement(
        tenant=predicate["tenant"],
        source=predicate["source"],
        collection_uid=predicate["collectionUid"],
        root=data["subject"][0]["digest"]["sha256"],
        tree_size=int(predicate["treeSize"]),
        key_id=predicate["keyId"],
        signed_at=int(predicate["signedAt"]),
        reviewer=predicate.get("reviewer", ""),
    )
