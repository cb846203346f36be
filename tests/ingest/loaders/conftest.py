"""Fixtures of the loader tests: short limits, and a loader that wants exactly one outcome."""

from collections.abc import Callable, Iterator

import pytest
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure, load_bytes
from ragbastion.ingest.loaders.isolation import POOL


@pytest.fixture(scope="session", autouse=True)
def _workers() -> Iterator[None]:
    """End the warm parsers with the session."""
    yield
    POOL.close()


@pytest.fixture
def settings() -> LoadSettings:
    """Return the default limits."""
    return LoadSettings()


@pytest.fixture
def load_one(settings: LoadSettings) -> Callable[..., LoadedDocument]:
    """Return a function that loads bytes into their one document."""

    def load(data: bytes | str, name: str, limits: LoadSettings = settings) -> LoadedDocument:
        raw = data.encode() if isinstance(data, str) else data
        [item] = load_bytes(raw, name, limits)
        assert isinstance(item, LoadedDocument), item
        return item

    return load


@pytest.fixture
def refuse_one(settings: LoadSettings) -> Callable[..., LoadFailure]:
    """Return a function that loads bytes and returns the one failure."""

    def load(data: bytes | str, name: str, limits: LoadSettings = settings) -> LoadFailure:
        raw = data.encode() if isinstance(data, str) else data
        [item] = load_bytes(raw, name, limits)
        assert isinstance(item, LoadFailure), item
        return item

    return load
