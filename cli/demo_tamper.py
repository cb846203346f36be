"""Change a stored text behind the guard's back, with the engine itself and the store closed.

What anyone can do who can write to the store's folder. Id, vector and every other part of the point
stay as they were.
"""

from __future__ import annotations

from pathlib import Path

from ..core.chunk import TenantId
from ..core.errors import StoreError
from ..tenancy.edge_folders import SHARD, tenant_folder

_ALL = 10_000


def alter_points(
    collection: Path, tenant: TenantId, *, document: str, find: str, replace: str
) -> int:
    """Replace a text in the points of a document and return how many were changed.

    Raises `StoreError` if none holds the text: a demo of tampering must tamper.
    """
    import qdrant_edge as edge

    shard = edge.EdgeShard.load(str(tenant_folder(collection, tenant) / SHARD))
    try:
        request = edge.ScrollRequest(limit=_ALL, with_payload=True, with_vector=True)
        records, _ = shard.scroll(request)
        changed = []
        for record in records:
            payload = dict(record.payload or {})
            if payload.get("document") == document and find in payload["text"]:
                payload["text"] = payload["text"].replace(find, replace)
                assert record.vector is not None  # noqa: S101 - asked for above
                changed.append(edge.Point(record.id, record.vector, payload))
        if not changed:
            raise StoreError(f"no point of '{document}' holds the text to tamper with")
        shard.update(edge.UpdateOperation.upsert_points(changed))
        shard.flush()
        return len(changed)
    finally:
        shard.close()
