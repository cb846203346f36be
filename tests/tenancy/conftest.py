"""A store of each kind, for the behaviour suite."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import VectorStore
from ragbastion.tenancy import TenantStore, open_store

SERVER = os.environ.get("QDRANT_URL", "")
NO_SERVER = "set QDRANT_URL to run this on a Qdrant server (docs/tenancy_cluster.md)"
BACKENDS = [
    "edge",
    "qdrant-memory",
    pytest.param("server", marks=pytest.mark.skipif(not SERVER, reason=NO_SERVER)),
]


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that a test starts import the test's own module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


@pytest.fixture(params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store of each kind is opened."""
    return {
        "edge": str(tmp_path / "store"),
        "qdrant-memory": ":memory:",
        "server": SERVER,
    }[request.param]


@pytest.fixture
def store(location: str) -> Iterator[TenantStore]:
    """Return an open store of each kind; what a test makes on a server is removed after it."""
    api_key = os.environ.get("QDRANT_API_KEY")
    with ExitStack() as cleaning:
        if location == SERVER:
            server = cleaning.enter_context(closing(QdrantClient(url=SERVER, api_key=api_key)))
            # Tests share names such as "docs", and nobody's collection is to be written to.
            assert not _collections(server), "QDRANT_URL: use a server without collections"
            cleaning.callback(_empty, server)
        yield cleaning.enter_context(closing(open_store(location, api_key)))


def _collections(server: QdrantClient) -> list[str]:
    return [each.name for each in server.get_collections().collections]


def _empty(server: QdrantClient) -> None:
    for name in _collections(server):
        server.delete_collection(name)


@pytest.fixture
def collection(store: VectorStore) -> str:
    """Return the name of a new collection in the store."""
    name = f"c{uuid4().hex}"
    store.create_collection(name, EmbedderIdentity(model="test-model", dimension=4))
    return name
