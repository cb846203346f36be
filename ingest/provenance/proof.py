"""What is signed of a chunk, and the proof that travels with it in the store's payload."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from ...core.chunk import Chunk
from ...core.errors import InputError, ProvenanceError
from .merkle import HASH_BYTES, leaf_hash

_LEAF_TYPE = "ragbastion/chunk/v1"

_MAX_JSON_INTEGER = 2**53 - 1
"""Beyond this RFC 8785 refuses an integer, since JSON readers round it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProof:
    """Where a chunk stands in a signed batch: envelope id, leaf index, path, and vector sketch.

    The sketch is part of the leaf; it travels along because the vector that a store returns only
    nearly equals the signed one.
    """

    envelope: str
    index: int
    path: tuple[bytes, ...]
    sketch: bytes

    def as_payload(self) -> dict[str, Any]:
        """Return the JSON form kept with the point: hashes joined and in base64."""
        return {
            "envelope": self.envelope,
            "index": self.index,
            "path": base64.b64encode(b"".join(self.path)).decode(),
            "sketch": base64.b64encode(self.sketch).decode(),
        }

    @classmethod
    def from_payload(cls, payload: Any) -> ChunkProof:
        """Read the JSON form; raise `ProvenanceError` if it is not one."""
        try:
            joined = base64.b64decode(payload["path"], validate=True)
            sketch = base64.b64decode(payload["sketch"], validate=True)
            envelope, index = str(payload["envelope"]), payload["index"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise ProvenanceError("a chunk's proof is malformed: ingest it again") from error
        if len(joined) % HASH_BYTES or not isinstance(index, int):
            raise ProvenanceError("a chunk's proof is malformed: ingest it again")
        path = tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))
        return cls(envelope=envelope, index=index, path=path, sketch=sketch)


def chunk_leaf(chunk: Chunk, collection_uid: str, sketch: bytes) -> bytes:
    """Return the Merkle leaf hash over everything that a chunk claims.

    Bound are id, collection, tenant, source, document with digest and position, text, metadata and
    the vector's sketch. Raises `InputError` if text or metadata cannot be put in canonical form.
    """
    try:
        statement: dict[str, Any] = {
            "type": _LEAF_TYPE,
            "id": chunk.id,
            "collection": collection_uid,
            "tenant": chunk.tenant,
            "source": chunk.source,
            "document": chunk.document,
            "documentDigest": chunk.document_digest,
            "position": chunk.position,
            "text": hashlib.sha256(chunk.text.encode("utf-8")).hexdigest(),
            "metadata": storable_metadata(chunk.metadata),
            "sketch": sketch.hex(),
        }
        return leaf_hash(rfc8785.dumps(statement))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InputError(
            f"chunk {chunk.id} cannot be signed: its text or metadata has no canonical form "
            "(lone surrogates, or values that are not JSON); load the document again"
        ) from error


def storable_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in the form that JSON stores give back unchanged.

    Integers beyond 2^53 and floats that are not finite become strings; tuples become lists.
    """
    return {str(key): _storable(value) for key, value in metadata.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_JSON_INTEGER else str(value)
    if isinstance(value, float):
        return _storable_float(value)
    if isinstance(value, Mapping):
        return storable_metadata(value)
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    raise InputError(
        f"metadata of type {type(value).__name__} refused: use strings, numbers, booleans, lists "
        "and objects"
    )


def _storable_float(value: float) -> Any:
    if not math.isfinite(value):
        return str(value)
    # Stores may give 2.0 back as 2; RFC 8785 writes both alike, so either form verifies.
    return value
