"""The proof that travels with a chunk in the store's payload."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...core.errors import ProvenanceError
from .merkle import HASH_BYTES

_VERSION = 2
_HEAD = struct.Struct(">B16sIB")
"""Version, envelope id, leaf index, how many hashes the path has."""

HEAD_BYTES = _HEAD.size


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

    def as_payload(self) -> str:
        """Return the form kept with the point: bytes in base64 (docs/provenance_formats.md)."""
        head = _HEAD.pack(_VERSION, bytes.fromhex(self.envelope), self.index, len(self.path))
        return base64.b64encode(b"".join((head, *self.path, self.sketch))).decode()

    @classmethod
    def from_payload(cls, payload: Any) -> ChunkProof:
        """Read the form kept with a point; raise `ProvenanceError` if it is not one.

        An object is the form of before, which points of version 1 have.
        """
        try:
            if isinstance(payload, str):
                return cls._from_bytes(binascii.a2b_base64(payload, strict_mode=True))
            if isinstance(payload, Mapping):
                return cls._from_object(payload)
        except (KeyError, TypeError, ValueError, binascii.Error, struct.error) as error:
            raise _malformed() from error
        raise _malformed()

    @classmethod
    def _from_bytes(cls, data: bytes) -> ChunkProof:
        version, envelope, index, hashes = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise _malformed()
        path = _path(hashes).unpack_from(data, HEAD_BYTES)
        sketch = data[HEAD_BYTES + hashes * HASH_BYTES :]
        return cls(envelope=envelope.hex(), index=index, path=path, sketch=sketch)

    @classmethod
    def _from_object(cls, payload: Mapping[str, Any]) -> ChunkProof:
        joined = base64.b64decode(payload["path"], validate=True)
        sketch = base64.b64decode(payload["sketch"], validate=True)
        envelope, index = str(payload["envelope"]), payload["index"]
        if len(joined) % HASH_BYTES or not isinstance(index, int):
            raise _malformed()
        path = tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))
        return cls(envelope=envelope, index=index, path=path, sketch=sketch)


@lru_cache(maxsize=256)
def _path(hashes: int) -> struct.Struct:
    return struct.Struct(f"{HASH_BYTES}s" * hashes)


def _malformed() -> ProvenanceError:
    return ProvenanceError("a chunk's proof is malformed: ingest it again")
