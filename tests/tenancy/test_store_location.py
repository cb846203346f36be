"""From a location to a store."""

from pathlib import Path

import pytest
from ragbastion.core.errors import StoreError, StoreLockedError, UsageError
from ragbastion.core.settings import EmbeddedStoreSettings
from ragbastion.tenancy import EdgeStore, QdrantStore, open_store


@pytest.mark.parametrize("location", [":memory:", "qdrant-local::memory:"])
def test_memory_is_local_mode(location: str) -> None:
    """In memory means qdrant-client's local mode."""
    store = open_store(location)
    assert isinstance(store, QdrantStore)
    store.close()


def test_folder_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, with a home directory or relative, is the embedded store."""
    monkeypatch.setenv("HOME", str(tmp_path))
    store = open_store("~/deep/store")
    assert isinstance(store, EdgeStore)
    assert (tmp_path / "deep" / "store").is_dir()
    store.close()


def test_server_that_does_not_answer_is_named() -> None:
    """A refused connection says which store and what to check."""
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9.*check its address"):
        open_store("http://127.0.0.1:9")


@pytest.mark.parametrize("location", ["", "  ", "ftp://host/x", "http://[::bad"])
def test_odd_locations_are_refused(location: str) -> None:
    """What is neither a folder nor a URL of a server is a usage error."""
    with pytest.raises(UsageError, match="refused"):
        open_store(location)


# qdrant-client leaves its lock file open when it is refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_local_mode_is_held_once(tmp_path: Path) -> None:
    """A second opening of a local folder is told that it is held."""
    first = open_store(f"qdrant-local:{tmp_path}")
    with pytest.raises(StoreLockedError, match="held by another process"):
        open_store(f"qdrant-local:{tmp_path}")
    first.close()


def test_embedded_store_is_bounded_by_settings(tmp_path: Path) -> None:
    """The settings of the embedded store reach it."""
    limits = EmbeddedStoreSettings(max_open_shards=1, max_open_bytes=5, optimize=False)
    store = open_store(str(tmp_path), embedded=limits)
    assert isinstance(store, EdgeStore)
    assert (store._shards._max_shards, store._shards._max_bytes) == (1, 5)
    assert not store._optimizer._in_background
    store.close()
