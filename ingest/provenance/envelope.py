"""One signed statement a batch: an in-toto Statement v1 over a Merkle root, in a DSSE envelope.

Format: https://in-toto.io/Statement/v1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...core.errors import ProvenanceError
from .dsse import SigningKey, local_key, open_payload, sign_payload
from .keys import key_id_of

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


def seal(statement: BatchStatement, key: SigningKey | Ed25519PrivateKey) -> str:
    """Sign a statement; return the DSSE envelope as JSON text."""
    signer = key if isinstance(key, SigningKey) else local_key(key)
    return sign_payload(rfc8785.dumps(statement.as_statement()), PAYLOAD_TYPE, [signer])


def open_sealed(envelope_json: str, public_key_pem: str) -> BatchStatement:
    """Verify an envelope with a public key; return the statement or raise `ProvenanceError`."""
    signer = key_id_of(public_key_pem)
    payload, _ = open_payload(envelope_json, PAYLOAD_TYPE, {signer: public_key_pem})
    try:
        return _read_statement(json.loads(payload), signer)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): it holds no statement of ours"
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
