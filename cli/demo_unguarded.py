"""The side without a guard: load, chunk, embed, search, as a first tutorial has it.

Everything that a file holds goes into one collection for all tenants, hidden text included, and
the nearest passages go to the agent. Loader, chunker, embedder and engine are the guarded side's
own, so that the guard is the only difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.chunk import ChunkId, TenantId
from ..core.embedding import Embedder
from ..core.settings import Settings
from ..core.store import StoredPoint
from ..ingest.chunking import Chunker
from ..ingest.loaders import LoadedDocument, load_paths
from ..tenancy import EdgeStore
from .demo_manifest import SourceFolder

EVERYONE = TenantId("everyone")
COLLECTION = "unguarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage as the unguarded search returns it; ``file`` is ``tenant/source/document``."""

    file: str
    text: str


class UnguardedRag:
    """A retrieval pipeline that trusts its documents, its store and whoever asks."""

    def __init__(self, path: Path, embedder: Embedder, settings: Settings) -> None:
        self._embedder = embedder
        self._settings = settings
        self._store = EdgeStore(path)
        self._store.create_collection(COLLECTION, embedder.identity)

    def ingest(self, folder: SourceFolder) -> None:
        """Put every document of a folder into the common collection."""
        chunker = Chunker(self._embedder, self._settings.ingest)
        texts: list[tuple[str, str]] = []
        for document in load_paths([folder.path], self._settings.load):
            if isinstance(document, LoadedDocument):
                file = f"{folder.tenant}/{folder.source}/{document.document}"
                texts += [(file, piece.text) for piece in chunker.split(whole_text(document))]
        vectors = self._embedder.embed([text for _, text in texts])
        self._store.upsert(
            COLLECTION,
            EVERYONE,
            [
                StoredPoint(
                    id=ChunkId(f"{file}#{number}"),
                    vector=vector,
                    payload={"document": file, "text": text},
                )
                for number, ((file, text), vector) in enumerate(zip(texts, vectors, strict=True))
            ],
        )

    def ask(self, question: str, limit: int) -> list[Found]:
        """Return the nearest passages, whoever asks."""
        vector = self._embedder.embed([question])[0]
        hits = self._store.search(COLLECTION, EVERYONE, vector, limit)
        return [_found(hit.point) for hit in hits]

    def by_id(self, files: Sequence[str]) -> list[Found]:
        """Return the passages of the files, fetched by the ids of their points."""
        ids = [p.id for p in self._store.scroll(COLLECTION, EVERYONE) if _found(p).file in files]
        return [_found(point) for point in self._store.get(COLLECTION, EVERYONE, ids)]

    def close(self) -> None:
        """Release the store."""
        self._store.close()


def whole_text(document: LoadedDocument) -> str:
    """Return everything that a plain extractor would take from the file."""
    return "\n\n".join([document.text, *(hidden.text for hidden in document.hidden)])


def _found(point: StoredPoint) -> Found:
    return Found(file=str(point.payload["document"]), text=str(point.payload["text"]))
