"""From the setting ``store`` to a store.

>>> store = open_store("qdrant-local::memory:")
>>> store.collections()
[]
>>> store.close()
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import StoreError, UsageError

if TYPE_CHECKING:
    from .edge_store import EdgeStore
    from .encryption.payload_cipher import PayloadCipher
    from .qdrant_store import QdrantStore

_LOCAL = "qdrant-local:"


def open_store(
    location: str, api_key: str | None = None, *, cipher: PayloadCipher | None = None
) -> EdgeStore | QdrantStore:
    """Open the store at a URL, or the embedded one in a folder; ``cipher`` seals its payloads.

    ``http://…`` and ``https://…`` are Qdrant servers; ``:memory:`` and ``qdrant-local:PATH`` are
    qdrant-client's local mode; anything else is a folder for `EdgeStore`. Raises `StoreError` if a
    server does not answer, `StoreLockedError` if another process holds a folder.
    """
    if not location.strip():
        raise UsageError("store refused: it is empty; name a folder or the URL of a Qdrant server")
    if location.lower().startswith(("http://", "https://")):
        return _server(location, api_key, cipher)
    if location == ":memory:" or location.startswith(_LOCAL):
        return _local(location.removeprefix(_LOCAL), cipher)
    if "://" in location:
        raise UsageError(f"store '{location}' refused: use http://, https:// or a folder")
    from .edge_store import EdgeStore

    return EdgeStore(Path(location).expanduser(), cipher=cipher)


def _server(url: str, api_key: str | None, cipher: PayloadCipher | None) -> QdrantStore:
    from .qdrant_store import QdrantStore

    store = QdrantStore.at_url(url, api_key, cipher=cipher)
    try:
        store.collections()
    except StoreError as error:
        store.close()
        raise StoreError(f"store '{url}' cannot be opened: {error}") from error
    return store


def _local(path: str, cipher: PayloadCipher | None) -> QdrantStore:
    from .qdrant_store import QdrantStore

    return QdrantStore.in_process(path, cipher=cipher)
