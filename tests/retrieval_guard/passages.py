"""Passages as steps of the guard pass them on."""

from __future__ import annotations

import numpy as np
from ragbastion import Chunk, Integrity
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, TenantId
from ragbastion.retrieval_guard.passage import Passage


def passage(
    at: int,
    source: str,
    *,
    text: str | None = None,
    score: float = 0.5,
    integrity: Integrity = Integrity.TRUSTED,
    vector: np.ndarray | None = None,
) -> Passage:
    """Return a passage of a verified chunk."""
    said = text if text is not None else f"Passage number {at} of {source}."
    chunk = Chunk(
        id=ChunkId(f"c{at}"),
        text=said,
        tenant=TenantId("acme"),
        source=source,
        document=DocumentId("d"),
        document_digest=Digest("0"),
        position=at,
        integrity=integrity,
        vector=vector,
    )
    return Passage(chunk=chunk, score=score, text=said)
