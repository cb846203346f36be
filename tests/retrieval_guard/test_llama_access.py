"""Access filters in LlamaIndex's words find what the re-check admits."""

from itertools import product
from typing import Any

import pytest
from llama_index.core.vector_stores.types import FilterOperator
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.retrieval_guard.llama_access import access_filters
from ragbastion.tenancy.access import DocumentAccess
from ragbastion.tenancy.access_labels import DELETED_AT, AccessLabel
from ragbastion.tenancy.context import TenantContext, operator_context

LABELS: list[dict[str, Any]] = [
    {},
    *(
        AccessLabel(
            owner=owner, groups=frozenset(groups), department=department, classification=level
        ).as_payload()
        for owner, groups, department, level in product(
            ["ann", "bob"], [(), ("it", "hr")], ["", "law"], [0, 2]
        )
    ),
]
ROWS = [*LABELS, *({**row, DELETED_AT: 1.0} for row in LABELS)]
READERS = [
    operator_context(tenant="acme", principal="ann", clearance=2),
    operator_context(tenant="acme", principal="eve", groups=["hr"], clearance=0),
    operator_context(tenant="acme", principal="eve", department="law", clearance=3),
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.principal)
@pytest.mark.parametrize("unlabelled", ["deny", "allow"])
def test_filters_find_what_is_admitted(reader: TenantContext, unlabelled: str) -> None:
    """LlamaIndex's own Qdrant store finds every admitted document, and no other."""
    settings = AccessSettings.model_validate({"unlabelled": unlabelled})
    access = DocumentAccess(settings, MemoryEventSink())
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=1, distance=models.Distance.DOT)
    client.create_collection("docs", vectors_config=size)
    rows = [models.PointStruct(id=at, vector=[1.0], payload=row) for at, row in enumerate(ROWS)]
    client.upsert("docs", rows)
    store = QdrantVectorStore("docs", client=client)
    filters = access_filters(access, reader, list_operator=FilterOperator.IN)
    page, _ = client.scroll("docs", scroll_filter=store._build_subfilter(filters), limit=100)
    admitted = {at for at, row in enumerate(ROWS) if access.admits(reader, row)}
    assert {record.id for record in page} == admitted
