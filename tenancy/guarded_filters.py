"""Filters of a tenant: what a caller filters by is nested under the tenant's own condition.

- INVARIANT: every filter made here is ``must=[tenant, user_filter]``; the two are never merged
  field by field, where a ``should`` of the one would become an alternative to the other.
- INVARIANT: an id in a filter is replaced by the tenant's own, so a foreign point cannot be named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from qdrant_client import models

from ..core.chunk import TenantId
from ..core.errors import IsolationError, UsageError
from .names import checked_tenant
from .point_identity import ID_KEY, TENANT_KEY, LogicalId, namespaced_id

_MAX_DEPTH = 32
_MAX_INTEGER_ID = 2**64


def checked_id(id_: object) -> LogicalId:
    """Return a point id as Qdrant takes it, an integer or UUID in canonical form, or raise."""
    if isinstance(id_, int) and not isinstance(id_, bool) and 0 <= id_ < _MAX_INTEGER_ID:
        return id_
    if isinstance(id_, UUID):
        return str(id_)
    if isinstance(id_, str):
        try:
            return str(UUID(id_))
        except ValueError:
            pass
    raise UsageError("point id refused: use an unsigned 64-bit integer or a UUID")


def reserved(key: str) -> bool:
    """Say whether a payload path starts at one of the guard's own keys, quoted or not."""
    root = re.split(r"[.\[]", key.strip(), maxsplit=1)[0].strip().strip('"')
    return root in {TENANT_KEY, ID_KEY} or key.strip().startswith(('"tenant"', f'"{ID_KEY}"'))


class TenantFilters:
    """Makes the filters of one tenant."""

    def __init__(self, tenant: str) -> None:
        self.tenant: TenantId = checked_tenant(tenant)

    def stored_id(self, id_: object) -> str:
        """Return the id under which the tenant's point is stored."""
        return str(namespaced_id(self.tenant, checked_id(id_)))

    def owned(
        self,
        user: models.Filter | None = None,
        *,
        ids: Sequence[object] | None = None,
        without: Sequence[str] = (),
    ) -> models.Filter:
        """Return the tenant's condition AND the caller's filter AND these ids.

        ``user`` and ``ids``: untrusted; ``without``: stored ids that are left out. Raises
        `IsolationError` for a filter that names the guard's keys or holds an unknown condition.
        """
        match = models.MatchValue(value=self.tenant)
        must: list[models.Condition] = [models.FieldCondition(key=TENANT_KEY, match=match)]
        if user is not None:
            must.append(self._rewritten(user, 0))
        if ids is not None:
            must.append(models.HasIdCondition(has_id=[self.stored_id(id_) for id_ in ids]))
        excluded = models.HasIdCondition(has_id=list(without)) if without else None
        return models.Filter(must=must, must_not=excluded)

    def selector(self, points: object) -> models.FilterSelector:
        """Return a caller's choice of points as a filter of the tenant."""
        if isinstance(points, models.FilterSelector | models.PointIdsList):
            if points.shard_key is not None:
                raise IsolationError("shard keys are refused: the guard alone chooses shards")
            points = points.filter if isinstance(points, models.FilterSelector) else points.points
        if isinstance(points, models.Filter):
            return models.FilterSelector(filter=self.owned(points))
        if isinstance(points, list | tuple):
            return models.FilterSelector(filter=self.owned(ids=points))
        raise IsolationError(
            f"points selector of type {type(points).__name__} refused: "
            "use a list of ids or a models.Filter"
        )

    def _rewritten(self, user: object, depth: int) -> models.Filter:
        if not isinstance(user, models.Filter):
            raise IsolationError(f"filter of type {type(user).__name__} refused: use models.Filter")
        if depth > _MAX_DEPTH:
            raise IsolationError(f"filter refused: nested deeper than {_MAX_DEPTH}")
        minimum = user.min_should
        return models.Filter(
            must=self._conditions(user.must, depth),
            should=self._conditions(user.should, depth),
            must_not=self._conditions(user.must_not, depth),
            min_should=minimum
            and models.MinShould(
                conditions=self._conditions(minimum.conditions, depth) or [],
                min_count=minimum.min_count,
            ),
        )

    def _conditions(self, conditions: object, depth: int) -> list[models.Condition] | None:
        if conditions is None:
            return None
        listed = conditions if isinstance(conditions, list) else [conditions]
        return [self._condition(condition, depth) for condition in listed]

    def _condition(self, condition: object, depth: int) -> models.Condition:
        if isinstance(condition, models.Filter):
            return self._rewritten(condition, depth + 1)
        if isinstance(condition, models.HasIdCondition):
            return models.HasIdCondition(has_id=[self.stored_id(id_) for id_ in condition.has_id])
        if isinstance(condition, models.HasVectorCondition):
            return condition
        if isinstance(condition, models.NestedCondition):
            _refuse_reserved(condition.nested.key)
            inner = self._rewritten(condition.nested.filter, depth + 1)
            nested = models.Nested(key=condition.nested.key, filter=inner)
            return models.NestedCondition(nested=nested)
        if isinstance(condition, models.FieldCondition):
            _refuse_reserved(condition.key)
            return condition
        if isinstance(condition, models.IsEmptyCondition):
            _refuse_reserved(condition.is_empty.key)
            return condition
        if isinstance(condition, models.IsNullCondition):
            _refuse_reserved(condition.is_null.key)
            return condition
        raise IsolationError(f"filter condition of type {type(condition).__name__} refused")


def _refuse_reserved(key: str) -> None:
    if reserved(key):
        raise IsolationError(
            f"filter refused: it names '{key}', which the guard sets itself; leave it out"
        )
