"""What others would prove of the same points: a signature for each chunk, and vectorpin.

Each peer gets the most that it can check: where a point was found, its id, and that a proof must
be there.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.chunk import Chunk
from ragbastion.core.errors import ProvenanceError
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance import from_point

_MODEL = "simulated"


class Peer(Protocol):
    """Proves a chunk by a value of JSON that its point carries, and checks a point by it."""

    def prove(self, chunk: Chunk, uid: str) -> Any:
        """Return the proof of a chunk of a collection."""
        ...

    def accepts(self, point: StoredPoint, tenant: str, uid: str) -> bool:
        """Whether a point is what was proved, of this tenant and collection."""
        ...

    def stranger(self) -> Self:
        """Return the same with a key that nobody trusts."""
        ...


class SignatureAChunk:
    """Ed25519 over the canonical JSON of a chunk's fields and the bytes of its vector."""

    key = "ed25519"

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self._public = self._private.public_key()

    def prove(self, chunk: Chunk, uid: str) -> str:
        """Return the signature in hex."""
        return self._private.sign(_signed_bytes(chunk, uid)).hex()

    def accepts(self, point: StoredPoint, tenant: str, uid: str) -> bool:
        """Whether the signature is one of these bytes."""
        chunk = _claimed(point, self.key)
        if chunk is None or chunk.tenant != tenant:
            return False
        try:
            self._public.verify(bytes.fromhex(point.payload[self.key]), _signed_bytes(chunk, uid))
        except (InvalidSignature, ValueError):
            return False
        return True

    def stranger(self) -> Self:
        """Return one with a key of its own."""
        return type(self)()


class VectorPin:
    """vectorpin with record, collection and tenant, which its adapters leave out."""

    key = "vectorpin"

    def __init__(self) -> None:
        from vectorpin import Pin, Signer, Verifier

        self._signer = Signer.generate(key_id="bench")
        self._verifier = Verifier({"bench": self._signer.public_key()})
        self._pin = Pin

    def prove(self, chunk: Chunk, uid: str) -> str:
        """Return the pin as JSON text."""
        extra = {
            "vectorpin.record_id": chunk.id,
            "vectorpin.collection_id": uid,
            "vectorpin.tenant_id": chunk.tenant,
        }
        pin = self._signer.pin(chunk.text, _MODEL, np.asarray(chunk.vector), extra=extra)
        return str(pin.to_json())

    def accepts(self, point: StoredPoint, tenant: str, uid: str) -> bool:
        """Whether the pin holds for text, vector and place."""
        chunk = _claimed(point, self.key)
        if chunk is None:
            return False
        try:
            pin = self._pin.from_json(point.payload[self.key])
        except ValueError:
            return False
        return bool(
            self._verifier.verify(
                pin,
                source=chunk.text,
                vector=np.asarray(chunk.vector),
                expected_model=_MODEL,
                expected_record_id=chunk.id,
                expected_collection_id=uid,
                expected_tenant_id=tenant,
            )
        )

    def stranger(self) -> Self:
        """Return one with a key of its own."""
        return type(self)()


def installed_peers() -> dict[str, Peer]:
    """Return those peers that can be imported, by the payload key of their proofs; say who not."""
    peers: dict[str, Peer] = {SignatureAChunk.key: SignatureAChunk()}
    try:
        peers[VectorPin.key] = VectorPin()
    except ImportError as error:
        print(f"vectorpin: not measured ({error})")
    return peers


def _claimed(point: StoredPoint, key: str) -> Chunk | None:
    """Return the chunk of a point that carries a proof of that key."""
    if not isinstance(point.payload.get(key), str):
        return None
    payload = {name: value for name, value in point.payload.items() if name != "proof"}
    try:
        chunk, _ = from_point(StoredPoint(id=point.id, vector=point.vector, payload=payload))
    except ProvenanceError:
        return None
    return chunk


def _signed_bytes(chunk: Chunk, uid: str) -> bytes:
    fields = [
        uid, chunk.id, chunk.tenant, chunk.source, chunk.document, chunk.document_digest,
        chunk.position, chunk.text, dict(chunk.metadata),
    ]  # fmt: skip
    return rfc8785.dumps(fields) + np.asarray(chunk.vector, dtype="<f4").tobytes()
