"""The adapter of our own retrieval: corroboration, fetching deeper as the guard does.

What the guard does beside it (proofs, policies, redaction) drops none of these passages.
"""

from __future__ import annotations

from ...core.chunk import Chunk, ChunkId, Digest, DocumentId, Integrity, TenantId
from ...core.settings import RetrievalSettings
from ...retrieval_guard.certificate import Certificate
from ...retrieval_guard.corroboration import compared, select
from ...retrieval_guard.passage import Passage
from .contexts import Choice, Pool


class OwnRetrieval:
    """Chooses as `RetrievalGuard` does."""

    def __init__(self, settings: RetrievalSettings | None = None) -> None:
        self._settings = settings or RetrievalSettings()

    def __call__(self, pool: Pool, limit: int) -> Choice:
        """Fetch deeper until the context is full, as the funnel does."""
        cap = max(1, self._settings.source_cap * limit // self._settings.top_k)
        fetched, passages = limit * self._settings.over_fetch, list[Passage]()
        while True:
            passages += [
                compared(_passage(pool, at), pool.question)
                for at in range(len(passages), min(fetched, len(pool)))
            ]
            selection = select(passages, limit=limit, source_cap=cap)
            if selection.filled(limit) or fetched >= min(len(pool), self._settings.max_candidates):
                break
            fetched *= 2
        places = tuple(int(each.chunk.id) for each in selection.chosen)
        certificate = Certificate(k=len(places), source_cap=cap, sources=2)
        return Choice(
            places=places,
            certified=lambda bad: certificate.max_poison(len({party.name for party in bad})),
        )


def _passage(pool: Pool, at: int) -> Passage:
    text = pool.texts[at]
    chunk = Chunk(
        id=ChunkId(str(at)),
        text=text,
        tenant=TenantId("bench"),
        source=pool.parties[at].name,
        document=DocumentId(str(at)),
        document_digest=Digest(""),
        position=0,
        vector=pool.vectors[at],
        integrity=Integrity.TRUSTED,
    )
    return Passage(chunk=chunk, score=float(pool.scores[at]), text=text)
