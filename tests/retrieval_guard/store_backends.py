"""The real stores of the behaviour suite, each seen as an application and, raw, as an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Protocol
from uuid import uuid4

from llama_index.core.vector_stores.types import BasePydanticVectorStore
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from ragbastion import TenantContext
from ragbastion.retrieval_guard.llama_nodes import TENANT
from sqlalchemy import text

from .optional_stores import require_modules
from .postgres_server import PostgresServer

DIMENSION = 16
Rows = list[tuple[str, str, str]]
_KEY = b"s" * 32
_NUMBERS = count()


class Backend(Protocol):
    """A collection that several tenants share."""

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the store that an application of the tenant has."""
        ...

    def rows(self) -> Rows:
        """Return tenant, id and text of everything stored, sorted, as the operator sees it."""
        ...


class Qdrant:
    """Qdrant in local mode."""

    def __init__(self) -> None:
        self._client = QdrantClient(":memory:")
        self._store = QdrantVectorStore(client=self._client, collection_name="shared")

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the one store: Qdrant knows no tenants."""
        return self._store

    def rows(self) -> Rows:
        """Scroll over all points."""
        if not self._client.collection_exists("shared"):
            return []
        points = self._client.scroll("shared", limit=10_000)[0]
        payloads = [(str(point.id), point.payload or {}) for point in points]
        return sorted((held[TENANT], id_, held["_node_content"]) for id_, held in payloads)

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class Chroma:
    """Chroma in memory."""

    def __init__(self) -> None:
        import chromadb
        from chromadb.config import Settings
        from llama_index.vector_stores.chroma import ChromaVectorStore

        client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
        self._collection = client.create_collection(f"c{uuid4().hex}")
        self._store = ChromaVectorStore(chroma_collection=self._collection)

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the one store: the collection knows no tenants."""
        return self._store

    def rows(self) -> Rows:
        """Get the whole collection."""
        held = self._collection.get()
        tenants = [str((metadata or {})[TENANT]) for metadata in held["metadatas"] or []]
        return sorted(zip(tenants, held["ids"], held["documents"] or [], strict=True))


class _Postgres:
    """A pgvector table."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._name = f"t{next(_NUMBERS)}"

    def rows(self) -> Rows:
        """Select everything as the superuser."""
        named = text(f"SELECT metadata_->>'{TENANT}', node_id, text FROM data_{self._name}")
        with self._server.owner.begin() as connection:
            return sorted((row[0], row[1], row[2]) for row in connection.execute(named))


class PlainPostgres(_Postgres):
    """pgvector as the table's owner, whom nothing but the guard holds to a tenant."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server)
        from llama_index.vector_stores.postgres import PGVectorStore

        twin = server.url("postgres").replace("psycopg2", "asyncpg")
        self._store = PGVectorStore(
            connection_string=server.url("postgres"),
            async_connection_string=twin,
            table_name=self._name,
            embed_dim=DIMENSION,
        )

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the one store, of a superuser."""
        return self._store

    def close(self) -> None:
        """Close the pool."""
        if self._store._engine is not None:
            self._store._engine.dispose()


class SecuredPostgres(_Postgres):
    """pgvector with row-level security, as the application's role."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server)
        from ragbastion.retrieval_guard.postgres_database import TenantDatabase
        from ragbastion.retrieval_guard.postgres_row_security import (
            TenantTable,
            set_up_row_security,
        )

        self._table = TenantTable(name=self._name, dimension=DIMENSION)
        set_up_row_security(server.owner, self._table, role="app", key=_KEY)
        self._database = TenantDatabase(server.url("app"), _KEY)

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the tenant's store."""
        from ragbastion.retrieval_guard.llama_postgres import tenant_vector_store

        return tenant_vector_store(self._database, self._table, context)

    def close(self) -> None:
        """Close the pool."""
        self._database.close()


BACKENDS = ("qdrant", "chroma", "pgvector", "pgvector-rls")


@contextmanager
def opened(name: str, server: Callable[[], PostgresServer]) -> Iterator[Backend]:
    """Open an empty backend; ``server`` is called for those that need PostgreSQL."""
    backend: Qdrant | Chroma | PlainPostgres | SecuredPostgres
    if name == "qdrant":
        backend = Qdrant()
    elif name == "chroma":
        require_modules("chroma", "chromadb", "llama_index.vector_stores.chroma")
        backend = Chroma()
    else:
        backend = (PlainPostgres if name == "pgvector" else SecuredPostgres)(server())
    try:
        yield backend
    finally:
        if not isinstance(backend, Chroma):
            backend.close()
