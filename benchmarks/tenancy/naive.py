"""A wrapper as it is often written: the tenant's filter on `query_points`, all else passed on.

The control of every run: a leak finder that finds nothing in it proves nothing.
"""

from __future__ import annotations

from typing import Any

from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client.conversions import common_types as types

from .canaries import TENANT_KEY


class NaiveClient:
    """Adds the tenant to the filter of `query_points`; never use it."""

    def __init__(self, client: QdrantClient, tenant: str) -> None:
        self._client = client
        self._tenant = tenant

    def query_points(
        self, collection_name: str, *, query_filter: models.Filter | None = None, **kwargs: Any
    ) -> types.QueryResponse:
        """Search with the tenant's condition ANDed onto the caller's filter."""
        owned = _owned(self._tenant, query_filter)
        return self._client.query_points(collection_name, query_filter=owned, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Pass every other name on."""
        return getattr(self._client, name)


class AsyncNaiveClient:
    """The same for `AsyncQdrantClient`."""

    def __init__(self, client: AsyncQdrantClient, tenant: str) -> None:
        self._client = client
        self._tenant = tenant

    async def query_points(
        self, collection_name: str, *, query_filter: models.Filter | None = None, **kwargs: Any
    ) -> types.QueryResponse:
        """Search with the tenant's condition ANDed onto the caller's filter."""
        owned = _owned(self._tenant, query_filter)
        return await self._client.query_points(collection_name, query_filter=owned, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Pass every other name on."""
        return getattr(self._client, name)


def _owned(tenant: str, user: models.Filter | None) -> models.Filter:
    own = models.FieldCondition(key=TENANT_KEY, match=models.MatchValue(value=tenant))
    return models.Filter(must=[own] if user is None else [own, user])
