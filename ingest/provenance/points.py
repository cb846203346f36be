"""Chunks to store points and back: the one place that knows the payload's keys."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from operator import itemgetter

from ...core.chunk import Chunk, ChunkId
from ...core.errors import ProvenanceError
from ...core.store import StoredPoint
from .canonical_metadata import storable_metadata
from .proof import ChunkProof

_FIELDS: dict[str, type] = {
    "text": str,
    "tenant": str,
    "source": str,
    "document": str,
    "document_digest": str,
    "position": int,
    "metadata": dict,
}

_KINDS = tuple(_FIELDS.values())
_values = itemgetter(*_FIELDS)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ragbastion:chunk:v1")


def chunk_id(scope: tuple[str, str, str], document: str, position: int, text: str) -> ChunkId:
    """Return the id of a chunk, the same whenever the same text is ingested again.

    ``scope`` is (tenant, collection uid, source).
    """
    parts = [*scope, document, str(position), hashlib.sha256(text.encode()).hexdigest()]
    return ChunkId(str(uuid.uuid5(_NAMESPACE, "\x00".join(parts))))


def to_point(chunk: Chunk, proof: ChunkProof | None) -> StoredPoint:
    """Return the point that keeps a chunk with its proof; the chunk must have a vector."""
    if chunk.vector is None:
        raise ProvenanceError(f"chunk {chunk.id} has no vector: embed it before storing it")
    payload = {
        "text": chunk.text,
        "tenant": chunk.tenant,
        "source": chunk.source,
        "document": chunk.document,
        "document_digest": chunk.document_digest,
        "position": chunk.position,
        "metadata": storable_metadata(chunk.metadata),
    }
    if proof is not None:
        payload["proof"] = proof.as_payload()
    return StoredPoint(id=chunk.id, vector=chunk.vector, payload=payload)


def from_point(point: StoredPoint) -> tuple[Chunk, ChunkProof | None]:
    """Return the chunk that a point claims to be, unverified, and its proof if it has one.

    Raises `ProvenanceError` for a payload that no chunk of ours has.
    """
    payload = point.payload
    try:
        values = _values(payload)
    except KeyError as error:
        raise _not_ours(point, str(error)) from error
    if tuple(map(type, values)) != _KINDS:
        raise _not_ours(point, _wrong_kind(values))
    text, tenant, source, document, digest, position, metadata = values
    chunk = Chunk(
        id=point.id,
        text=text,
        tenant=tenant,
        source=source,
        document=document,
        document_digest=digest,
        position=position,
        metadata=metadata,
        vector=point.vector,
    )
    proof = payload.get("proof")
    return chunk, None if proof is None else ChunkProof.from_payload(proof)


def _wrong_kind(values: Sequence[object]) -> str:
    return next(
        f"its '{name}' is not a {kind.__name__}"
        for value, (name, kind) in zip(values, _FIELDS.items(), strict=True)
        if type(value) is not kind
    )


def _not_ours(point: StoredPoint, why: str) -> ProvenanceError:
    return ProvenanceError(f"point {point.id} is not a chunk that was ingested here ({why})")
