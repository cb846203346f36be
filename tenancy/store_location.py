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
from ..core.settings_tenancy import EmbeddedStoreSettings
from .tenant_store import TenantStore

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher

_LOCAL = "qdrant-local:"


def open_store(
    location: str,
    api_key: str | None = None,
    *,
    embedded: EmbeddedStoreSettings | None = None,
    cipher: PayloadCipher | None = None,
) -> TenantStore:
    """Open the store at a URL, or the embedded one in a folder; ``cipher`` seals its payloads.

    ``http://…`` and ``https://…`` are Qdrant servers; ``:memory:`` and ``qdrant-local:PATH`` are
    qdrant-client's local mode; anything else is a folder for `EdgeStore`, within the limits of
    ``embedded``. Raises `StoreError` if a server does not answer, `StoreLockedError` if another
    process holds a folder.
    """
    if _is_server(location):
        return _server(location, api_key, cipher)
    if location == ":memory:" or location.startswith(_LOCAL):
        return _local(location.removeprefix(_LOCAL), cipher)
    from .edge_store import EdgeStore

    limits = embedded or EmbeddedStoreSettings()
    return EdgeStore(
        Path(location).expanduser(),
        max_open_shards=limits.max_open_shards,
        max_open_bytes=limits.max_open_bytes,
        min_free_bytes=limits.min_free_bytes,
        optimize=limits.optimize,
        cipher=cipher,
    )


def require_store(location: str) -> None:
    """Raise `StoreError` for a folder that does not exist, which `open_store` would make."""
    if _is_server(location) or location == ":memory:":
        return
    folder = Path(location.removeprefix(_LOCAL)).expanduser()
    if not folder.is_dir():
        raise StoreError(
            f"store '{location}' does not exist: name the right folder, or ingest into it first"
        )


def _is_server(location: str) -> bool:
    if not location.strip():
        raise UsageError("store refused: it is empty; name a folder or the URL of a Qdrant server")
    if location.lower().startswith(("http://", "https://")):
        return True
    if "://" in location:
        raise UsageError(f"store '{location}' refused: use http://, https:// or a folder")
    return False


def _server(url: str, api_key: str | None, cipher: PayloadCipher | None) -> TenantStore:
    from .qdrant_store import QdrantStore

    store = QdrantStore.at_url(url, api_key, cipher=cipher)
    try:
        store.collections()
    except StoreError as error:
        store.close()
        raise StoreError(f"store '{url}' cannot be opened: {error}") from error
    return store


def _local(path: str, cipher: PayloadCipher | None) -> TenantStore:
    from .qdrant_store import QdrantStore

    return QdrantStore.in_process(path, cipher=cipher)
