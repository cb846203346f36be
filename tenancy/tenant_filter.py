"""What a shared Qdrant collection tells tenants apart by: the condition, the index, the graph."""

from __future__ import annotations

from qdrant_client import models

from .names import checked_tenant
from .point_identity import TENANT_KEY

GRAPH_OF_EACH_TENANT = models.HnswConfigDiff(m=0, payload_m=16)
"""Qdrant's multitenancy guide: no graph over all points, one small graph for each tenant."""


def tenant_condition(tenant: str) -> models.FieldCondition:
    """Return the condition that a point is the tenant's; raise `UsageError` for an odd name."""
    match = models.MatchValue(value=checked_tenant(tenant))
    return models.FieldCondition(key=TENANT_KEY, match=match)


def tenant_filter(tenant: str) -> models.Filter:
    """Return the filter of all that the tenant has."""
    return models.Filter(must=[tenant_condition(tenant)])


def tenant_index(*, shared: bool = True) -> models.KeywordIndexParams:
    """Return the index of the tenant's key; ``shared``: points lie and graphs are made along it."""
    return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=shared)
