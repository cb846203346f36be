"""Two tenants in one collection, behind guards of both kinds of client."""

import asyncio
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import (
    AsyncGuardedQdrantClient,
    GuardedQdrantClient,
    TenantContext,
    operator_context,
)

DOCS = "docs"
TOPICS = ("x", "y", "x", "z", "y", "x")


def made_context(tenant: str, **fields: Any) -> TenantContext:
    """Return a context of the tenant."""
    return operator_context(tenant=tenant, principal="app", **fields)


def vectors_of(number: int, shift: float) -> dict[str, Any]:
    """Return a dense and a sparse vector; tenants with other shifts have other ones.

    No two score alike: local mode would order those as they were written.
    """
    dense = [1.0, number * 0.37 + shift, (number * number % 7) / 5, shift]
    words = models.SparseVector(indices=[number % 3], values=[1.0 + number / 10 + shift])
    return {"dense": dense, "words": words}


def rows_of(shift: float, numbers: range) -> list[models.PointStruct]:
    """Return points with the ids of ``numbers``."""
    return [
        models.PointStruct(
            id=number,
            vector=vectors_of(number, shift),
            payload={
                "topic": TOPICS[number % 6],
                "n": number,
                "deep": {"a": number},
                "mark": f"shift {shift}",
            },
        )
        for number in numbers
    ]


SETUP = {
    "vectors_config": {"dense": models.VectorParams(size=4, distance=models.Distance.DOT)},
    "sparse_vectors_config": {"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
}


def own_dump(client: QdrantClient, tenant: str | None) -> list[Any]:
    """Return every point of the tenant, or of all, with what the guard adds taken away."""
    page, _ = client.scroll(DOCS, limit=1000, with_vectors=True)
    dumped = []
    for record in page:
        payload = dict(record.payload or {})
        id_ = payload.pop("_ragbastion_id", record.id)
        if tenant in {None, payload.get("tenant")}:
            dumped.append((str(id_), payload, record.vector))
    return sorted(dumped, key=lambda each: each[0])


def filled() -> QdrantClient:
    """Return a client in which acme has points 1 to 6 and globex 1 to 9, one collection."""
    client = QdrantClient(":memory:")
    client.create_collection(DOCS, **SETUP)
    for tenant, shift, numbers in (("globex", 0.7, range(1, 10)), ("acme", 0.0, range(1, 7))):
        guarded = GuardedQdrantClient(client, made_context(tenant), MemoryEventSink())
        guarded.upsert(DOCS, rows_of(shift, numbers))
    return client


def alone() -> QdrantClient:
    """Return a plain client with acme's points alone, under acme's own ids."""
    client = QdrantClient(":memory:")
    client.create_collection(DOCS, **SETUP)
    rows = rows_of(0.0, range(1, 7))
    for row in rows:
        row.payload = {**(row.payload or {}), "tenant": "acme"}
    client.upsert(DOCS, rows)
    return client


class Both:
    """A guarded client of either kind, called in one way."""

    def __init__(self, client: QdrantClient, kind: str, context: TenantContext, **hooks: Any):
        self.client = client
        self.events = MemoryEventSink()
        if kind == "sync":
            self.guarded: Any = GuardedQdrantClient(client, context, self.events, **hooks)
        else:
            local = AsyncQdrantClient(":memory:")
            # The same data: both kinds of local client keep it in the same classes.
            local._client.collections = client._client.collections  # type: ignore[attr-defined]
            self.guarded = AsyncGuardedQdrantClient(local, context, self.events, **hooks)

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call the method, awaited if need be."""
        answer = getattr(self.guarded, method)(*args, **kwargs)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return which guarded client is tried."""
    return str(request.param)


@pytest.fixture
def world(kind: str) -> SimpleNamespace:
    """Return makers of clients, contexts and guards."""

    def guard(client: QdrantClient, tenant: str = "acme", **hooks: Any) -> Both:
        return Both(client, kind, made_context(tenant), **hooks)

    def admin(client: QdrantClient) -> Both:
        return Both(client, kind, operator_context(tenant="acme", principal="root", admin=True))

    makers: dict[str, Callable[..., Any]] = {
        "filled": filled, "alone": alone, "guard": guard, "admin": admin,
        "dump": own_dump, "context": made_context, "rows": rows_of, "vectors": vectors_of,
    }  # fmt: skip
    return SimpleNamespace(DOCS=DOCS, **makers)


@pytest.fixture
def acme(world: SimpleNamespace) -> Both:
    """Return acme's guard of either kind, beside globex's points."""
    guarded: Both = world.guard(world.filled())
    return guarded
