"""The chunk: the unit that is embedded, signed, stored, verified and served."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

from .errors import VectorError
from .verdict import _Ordered

TenantId = NewType("TenantId", str)
DocumentId = NewType("DocumentId", str)
ChunkId = NewType("ChunkId", str)
Digest = NewType("Digest", str)

Vector = NDArray[np.float32]
"""A dense embedding, float32, shape (d,)."""

Matrix = NDArray[np.float32]
"""A batch of dense embeddings, float32, shape (n, d)."""


class Integrity(_Ordered):
    """How far a chunk's origin is proved, from worst to best.

    A context carries the lowest label of what it holds.
    """

    UNVERIFIED = "unverified"
    """No valid signature."""
    UNTRUSTED = "untrusted"
    """A valid signature, by a key or of a source that is not trusted."""
    TRUSTED = "trusted"
    """A valid signature by a key that is trusted for that source."""


def lowest_integrity(labels: Iterable[Integrity]) -> Integrity:
    """Return the worst label; of none at all, `Integrity.UNVERIFIED`."""
    return min(labels, key=lambda label: label.rank, default=Integrity.UNVERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document's visible text (untrusted) with where it came from.

    ``vector`` is float32 of shape (d,) or None before embedding. ``document_digest`` is the hex
    SHA-256 of the original bytes. ``position`` counts chunks of a document from 0. ``metadata``
    holds JSON values only.
    """

    id: ChunkId
    text: str
    tenant: TenantId
    source: str
    document: DocumentId
    document_digest: Digest
    position: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vector: Vector | None = field(default=None, compare=False)
    integrity: Integrity = Integrity.UNVERIFIED


def labelled(chunk: Chunk, integrity: Integrity) -> Chunk:
    """Return the chunk with another label; `dataclasses.replace` takes seven times as long.

    Every verified hit is copied so. Written to the slots themselves, since a frozen dataclass's own
    constructor looks each of them up by name.
    """
    copy = object.__new__(Chunk)
    _set_id(copy, chunk.id)
    _set_text(copy, chunk.text)
    _set_tenant(copy, chunk.tenant)
    _set_source(copy, chunk.source)
    _set_document(copy, chunk.document)
    _set_document_digest(copy, chunk.document_digest)
    _set_position(copy, chunk.position)
    _set_metadata(copy, chunk.metadata)
    _set_vector(copy, chunk.vector)
    _set_integrity(copy, integrity)
    return copy


(
    _set_id,
    _set_text,
    _set_tenant,
    _set_source,
    _set_document,
    _set_document_digest,
    _set_position,
    _set_metadata,
    _set_vector,
    _set_integrity,
) = (vars(Chunk)[each.name].__set__ for each in fields(Chunk))


def checked_matrix(vectors: Any, dimension: int) -> Matrix:
    """Return ``vectors`` as float32 (n, dimension), or raise `VectorError`.

    Refuses wrong shapes, NaN, infinity and zero vectors, and names the first bad row.
    """
    try:
        matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise VectorError("vectors refused: not a rectangular array of numbers") from error
    if matrix.ndim != 2 or matrix.shape[1] != dimension:
        raise VectorError(
            f"vectors refused: shape {matrix.shape}, expected (n, {dimension}); "
            "embed with the model that the collection was built with"
        )
    _refuse_rows(np.logical_not(np.isfinite(matrix).all(axis=1)), "holds NaN or infinity")
    _refuse_rows(np.logical_not(matrix.any(axis=1)), "is all zeros")
    return matrix


def checked_vector(vector: Any, dimension: int) -> Vector:
    """Return one ``vector`` as float32 (dimension,); refuses what `checked_matrix` refuses."""
    fits = isinstance(vector, np.ndarray) and vector.shape == (dimension,)
    if fits and vector.dtype == np.float32 and _has_direction(vector):
        return np.asarray(vector, dtype=np.float32)
    row: Vector = checked_matrix([vector], dimension)[0]
    return row


def _has_direction(vector: Vector) -> bool:
    # A sum of squares shows NaN and infinity, and is 0 for zeros: one pass in place of three. What
    # is too large or too small to be squared is no fault, and is then looked at number by number.
    with np.errstate(all="ignore"):
        return 0.0 < float(np.dot(vector, vector)) < math.inf


def _refuse_rows(bad: Any, why: str) -> None:
    if bad.any():
        raise VectorError(f"vector {int(np.argmax(bad))} refused: it {why}; embed its text again")
