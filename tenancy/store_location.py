"""From the setting ``store`` to a store.

>>> store = open_store("qdrant-local::memory:")
>>> store.collections()
[]
>>> store.close()
"""

from __future__ import annotations

from pathlib import Path

from ..core.errors import StoreError, StoreLockedError, UsageError
from ..core.store import VectorStore

_LOCAL = "qdrant-local:"
_TIMEOUT_S = 30


def open_store(location: str, api_key: str | None = None) -> VectorStore:
    """Open the store at a URL, or the embedded one in a folder.

    ``http://…`` and ``https://…`` are Qdrant servers; ``:memory:`` and ``qdrant-local:PATH`` are
    qdrant-client's local mode; anything else is a folder for `EdgeStore`. Raises `StoreError` if a
    server does not answer, `StoreLockedError` if another process holds a folder.
    """
    if not location.strip():
        raise UsageError("store refused: it is empty; name a folder or the URL of a Qdrant server")
    if location.lower().startswith(("http://", "https://")):
        return _server(location, api_key)
    if location == ":memory:" or location.startswith(_LOCAL):
        return _local(location.removeprefix(_LOCAL))
    if "://" in location:
        raise UsageError(f"store '{location}' refused: use http://, https:// or a folder")
    from .edge_store import EdgeStore

    return EdgeStore(Path(location).expanduser())


def _server(url: str, api_key: str | None) -> VectorStore:
    from .qdrant_store import QdrantClient, QdrantStore

    try:
        client = QdrantClient(
            url=url, api_key=api_key, timeout=_TIMEOUT_S, check_compatibility=False
        )
    except ValueError as error:
        raise UsageError(f"store '{url}' refused: it is not a valid URL") from error
    store = QdrantStore(client)
    try:
        store.collections()
    except StoreError as error:
        store.close()
        raise StoreError(f"store '{url}' cannot be opened: {error}") from error
    return store


def _local(path: str) -> VectorStore:
    from .qdrant_store import QdrantClient, QdrantStore

    if path == ":memory:":
        return QdrantStore(QdrantClient(":memory:"))
    try:
        # The store serialises its calls, so one SQLite connection may serve every thread.
        client = QdrantClient(path=path, force_disable_check_same_thread=True)
    except RuntimeError as error:
        raise StoreLockedError(
            f"store '{path}' is held by another process: stop it, or use a Qdrant server"
        ) from error
    except OSError as error:
        raise StoreError(f"store '{path}' cannot be opened: {error.strerror}") from error
    return QdrantStore(client)
