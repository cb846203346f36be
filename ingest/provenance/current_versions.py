"""Whether a chunk is of the version that its document has now, by the ledger of the state folder.

An older version was signed as honestly as the current one, so no signature tells them apart: who
can write the store could put a withdrawn price list back.

- INVARIANT: nothing that was read is used after the ledger changed, whichever process changed it.
- INVARIANT: what arrived after the ledger's entry is never refused: it is about to be entered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...core.chunk import Chunk, ChunkId, Digest
from ...core.errors import ReplayedError
from ..ledger import LEDGER_FILE, Ledger, LedgerKey
from .ledger_cache import LedgerCache

_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Version:
    """What is current of a document since ``at``; nothing, if it was withdrawn then."""

    digest: Digest | None
    chunks: frozenset[ChunkId]
    at: float


class CurrentVersions:
    """Reads which version of a document is current; a document the ledger lacks has any version.

    That is so for what was signed without `IngestPipeline`, such as nodes of LlamaIndex.
    """

    def __init__(self, state_dir: Path) -> None:
        self._ledger = Ledger(state_dir / LEDGER_FILE)
        self._versions = LedgerCache(self._ledger, self._find)

    def refresh(self) -> bool:
        """Forget what was read if the ledger has changed since, and return whether."""
        return self._versions.refresh()

    def require_current(
        self, chunk: Chunk, collection_uid: str, arrived_at: Callable[[], float | None]
    ) -> None:
        """Raise `ReplayedError` for a chunk of a version that is no longer current.

        ``arrived_at`` returns when the chunk's envelope arrived here; it is asked only where the
        chunk is not current. About 1 µs where the document was read before.
        """
        version = self._versions((collection_uid, chunk.tenant, chunk.source, chunk.document))
        if version is None:
            return
        if chunk.document_digest == version.digest and chunk.id in version.chunks:
            return
        arrived = arrived_at()
        if arrived is None or arrived < version.at:
            what = "was withdrawn" if version.digest is None else "has a newer version"
            raise ReplayedError(
                f"chunk {chunk.id} is replayed: its document {what}; delete the point"
            )

    def changes(self) -> int:
        """Return how often the ledger changed."""
        return self._ledger.changes()

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _find(self, names: _Key) -> _Version | None:
        key = LedgerKey.of(names)
        entry = self._ledger.find(key)
        if entry is not None:
            return _Version(entry.digest, frozenset(entry.chunks), entry.at)
        withdrawn = self._ledger.withdrawn_at(key)
        return None if withdrawn is None else _Version(None, frozenset(), withdrawn)
