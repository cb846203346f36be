"""Hold an application's own Qdrant client to one tenant: wrap it, and change nothing else.

python -m ragbastion.examples.wrap_qdrant
"""

from __future__ import annotations

from qdrant_client import QdrantClient, models
from ragbastion import GuardedQdrantClient, RagbastionError, operator_context

NOTES = {
    "clinic": "The clinic opens at half past seven.",
    "office": "The office keeps files for seven years.",
}


def main() -> None:
    """Write and read for two tenants in one collection, then try to reach across."""
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("notes", vectors_config=size)
    guarded = {
        tenant: GuardedQdrantClient(client, operator_context(tenant=tenant, principal="app"))
        for tenant in NOTES
    }
    for tenant, note in NOTES.items():
        point = models.PointStruct(id=1, vector=[1.0, 0.0], payload={"text": note})
        guarded[tenant].upsert("notes", [point])

    for tenant, mine in guarded.items():
        hits = mine.query_points("notes", [1.0, 0.0], limit=10).points
        print(tenant, "finds", [hit.payload["text"] for hit in hits if hit.payload])
    print("points of all tenants:", client.count("notes").count)

    for attempt in (
        lambda: guarded["clinic"].scroll("notes", scroll_filter=_of("office")),
        lambda: guarded["clinic"].delete_collection("notes"),
    ):
        try:
            print("reaching across gives", attempt())
        except RagbastionError as error:
            print(f"{type(error).__name__}: {error}")


def _of(tenant: str) -> models.Filter:
    match = models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))
    return models.Filter(must=[match])


if __name__ == "__main__":
    main()
