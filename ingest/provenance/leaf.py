"""What is signed of a chunk: the leaf of a batch's Merkle tree, in two versions.

- INVARIANT: a leaf of one version is never one of another: version 1 starts with ``{``, version 2
  with its own name, and the signed statement says which of them its tree holds.
- INVARIANT: two chunks that differ in anything have different leaves: every field is hashed, or
  stands behind its length.

Bound are id, collection, tenant, source, document with digest and position, text, metadata and the
vector's sketch. Byte by byte: docs/provenance_formats.md.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import Any

import rfc8785

from ...core.chunk import Chunk
from ...core.errors import InputError
from .canonical_metadata import canonical_metadata, storable_metadata
from .merkle import leaf_hash

_LEAF_TYPE_V1 = "ragbastion/chunk/v1"
LEAF_TYPE_V2 = "ragbastion/chunk/v2"
_DOMAIN_V2 = LEAF_TYPE_V2.encode() + b"\x00"

_length = struct.Struct(">I").pack
_position_text_length = struct.Struct(">Q32sI").pack


def chunk_leaf(chunk: Chunk, collection_uid: str, sketch: bytes, version: int = 2) -> bytes:
    """Return the Merkle leaf hash over everything that a chunk claims, in a version's form.

    Raises `InputError` if text or metadata cannot be put in canonical form.
    """
    try:
        encode = _encoded_v1 if version == 1 else encoded_leaf
        return leaf_hash(encode(chunk, collection_uid, sketch))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, struct.error) as error:
        raise InputError(
            f"chunk {chunk.id} cannot be signed: its text or metadata has no canonical form "
            "(lone surrogates, or values that are not JSON); load the document again"
        ) from error


def encoded_leaf(chunk: Chunk, collection_uid: str, sketch: bytes) -> bytes:
    """Return the bytes whose hash is a leaf of version 2; errors are those of its parts."""
    scope = _scope(
        collection_uid, chunk.tenant, chunk.source, chunk.document, chunk.document_digest
    )
    identifier = chunk.id.encode()
    text = hashlib.sha256(chunk.text.encode()).digest()
    metadata = canonical_metadata(chunk.metadata)
    return b"".join(
        (
            scope,
            _length(len(identifier)),
            identifier,
            _position_text_length(chunk.position, text, len(metadata)),
            metadata,
            _length(len(sketch)),
            sketch,
        )
    )


@lru_cache(maxsize=4096)
def _scope(*names: str) -> bytes:
    """Return the domain and the names, which the chunks of a document share."""
    encoded = [name.encode() for name in names]
    return _DOMAIN_V2 + b"".join(_length(len(name)) + name for name in encoded)


def _encoded_v1(chunk: Chunk, collection_uid: str, sketch: bytes) -> bytes:
    statement: dict[str, Any] = {
        "type": _LEAF_TYPE_V1,
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
    return rfc8785.dumps(statement)
