"""A guard over real parts with a small embedder, and a simulator that tampers with its store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from ragbastion import Guard, Redactor, Scanner, Settings, TenantContext, operator_context
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Matrix, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance import BatchSigner, chunk_id, to_point
from ragbastion.policies import PolicyEngine
from ragbastion.retrieval_guard import GuardParts

from .optional_stores import require_modules
from .postgres_server import PostgresServer, programs

DIMENSION = 256
COLLECTION = "documents"


class HashingEmbedder:
    """Sums of a random direction a word: near texts share words. Real vectors, no model to load."""

    max_tokens = 512
    identity = EmbedderIdentity(model="hashing-256", dimension=DIMENSION)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors (n, 256)."""
        rows = [sum(map(_direction, _words(text)), start=np.zeros(DIMENSION)) for text in texts]
        matrix = np.array(rows).reshape(len(texts), DIMENSION)
        return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)

    def count_tokens(self, text: str) -> int:
        """Count words."""
        return len(text.split())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold()) or ["empty"]


@lru_cache(maxsize=4096)
def _direction(word: str) -> NDArray[np.float64]:
    seed = int(hashlib.sha256(word.encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).normal(size=DIMENSION)


@dataclass
class World:
    """A guard, its store, and hands to write honest and dishonest points with."""

    guard: Guard
    signer: BatchSigner
    events: MemoryEventSink
    planted: list[Chunk] = field(default_factory=list)

    def plant(
        self,
        text: str,
        *,
        source: str = "handbook",
        tenant: str = "acme",
        document: str = "doc.md",
        metadata: Mapping[str, Any] | None = None,
    ) -> Chunk:
        """Sign a chunk and store it, as ingestion would."""
        store, embedder = self.guard.store, self.guard.embedder
        info = store.create_collection(COLLECTION, embedder.identity)
        position = len(self.planted)
        chunk = Chunk(
            id=chunk_id((tenant, info.uid, source), document, position, text),
            text=text,
            tenant=TenantId(tenant),
            source=source,
            document=DocumentId(document),
            document_digest=Digest(hashlib.sha256(text.encode()).hexdigest()),
            position=position,
            metadata=dict(metadata or {}),
            vector=embedder.embed([text])[0],
        )
        [proof] = self.signer.sign([chunk], collection_uid=info.uid)
        store.upsert(COLLECTION, chunk.tenant, [to_point(chunk, proof)])
        self.planted.append(chunk)
        return chunk

    def point(self, chunk: Chunk) -> StoredPoint:
        """Read a stored point back."""
        return self.guard.store.get(COLLECTION, chunk.tenant, [chunk.id])[0]

    def tamper(self, chunk: Chunk, **payload: Any) -> None:
        """Change fields of a stored point's payload behind the guard's back."""
        point = self.point(chunk)
        changed = replace(point, payload={**point.payload, **payload})
        self.guard.store.upsert(COLLECTION, chunk.tenant, [changed])

    def write(self, tenant: str, point: StoredPoint) -> None:
        """Write any point into a tenant's partition."""
        self.guard.store.upsert(COLLECTION, TenantId(tenant), [point])


def context(tenant: str = "acme", principal: str = "agent-7", **more: Any) -> TenantContext:
    """Return a context of a support agent."""
    return operator_context(tenant=tenant, principal=principal, roles=["support"], **more)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, for as long as the tests run."""
    programs()
    require_modules("postgres", "psycopg2", "asyncpg", "llama_index.vector_stores.postgres")
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    """The scanner, loaded once."""
    return Scanner()


@pytest.fixture(scope="session")
def redactor() -> Redactor:
    """The redactor, loaded once."""
    return Redactor()


@pytest.fixture(scope="session")
def policies() -> PolicyEngine:
    """The shipped policies."""
    return PolicyEngine.from_directory(None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose state and store end with the test."""
    return Settings(state_dir=tmp_path / "state", store=str(tmp_path / "store"))


@pytest.fixture
def world(
    settings: Settings, scanner: Scanner, redactor: Redactor, policies: PolicyEngine
) -> Iterator[World]:
    """A guard over an embedded store, with nothing in it."""
    events = MemoryEventSink()
    parts = GuardParts(
        embedder=HashingEmbedder(),
        scanner=scanner,
        redactor=redactor,
        policies=policies,
        events=events,
    )
    signer = BatchSigner(settings.state_dir, settings.provenance)
    with Guard.from_settings(settings, parts) as guard:
        yield World(guard=guard, signer=signer, events=events)
    signer.close()
