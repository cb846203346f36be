"""Filters of a tenant: what a caller filters by is nested under the tenant's own condition.

- INVARIANT: every filter made here is ``must=[tenant, access, user_filter]``; they are never
  merged field by field, where a ``should`` of one would become an alternative to the other.
- INVARIANT: an id in a filter is replaced by the tenant's own, so a foreign point cannot be named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from qdrant_client import models

from ...core.chunk import TenantId
from ...core.errors import IsolationError, UsageError
from ..names import checked_tenant
from ..point_identity import LogicalId, namespaced_id
from ..tenant_filter import tenant_condition
from .keys import refuse_reserved
from .known_fields import refuse_unknown_fields

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


def refuse_shard_key(shard_key: object) -> None:
    """Raise `IsolationError` if a caller chooses a shard."""
    if shard_key is not None:
        raise IsolationError("shard keys are refused: the guard alone chooses shards")


class TenantFilters:
    """Makes the filters of one tenant.

    ``readable`` gives conditions that every filter must meet besides the tenant's, ``changeable``
    those of a write besides; ``refuse_keys`` raises for payload paths that cannot be compared.
    """

    def __init__(
        self,
        tenant: str,
        *,
        readable: Callable[[], Sequence[models.Condition]] = tuple,
        changeable: Callable[[], Sequence[models.Condition]] = tuple,
        refuse_keys: Callable[[Sequence[str], str], None] | None = None,
    ) -> None:
        self.tenant: TenantId = checked_tenant(tenant)
        self._readable = readable
        self._changeable = changeable
        self._refuse_keys = refuse_keys
        self._tenant_condition = tenant_condition(self.tenant)

    def stored_id(self, id_: object) -> str:
        """Return the id under which the tenant's point is stored."""
        return str(namespaced_id(self.tenant, checked_id(id_)))

    def whole_tenant(self) -> models.Filter:
        """Return the tenant's condition alone: for counts that quotas ask for."""
        return models.Filter(must=[self._tenant_condition])

    def owned(
        self,
        user: object = None,
        *,
        ids: Sequence[object] | None = None,
        without: Sequence[str] = (),
        changing: bool = False,
    ) -> models.Filter:
        """Return the tenant's and the access conditions AND the caller's filter AND these ids.

        ``user`` (a `models.Filter` or None) and ``ids``: untrusted; ``without``: stored ids that
        are left out; ``changing``: the filter is that of a write. Raises `IsolationError` for a
        filter that names the guard's keys or holds an unknown condition.
        """
        must: list[models.Condition] = [self._tenant_condition]
        must.extend(self._readable())
        if changing:
            must.extend(self._changeable())
        if user is not None:
            must.append(self._rewritten(user, 0))
        if ids is not None:
            must.append(models.HasIdCondition(has_id=[self.stored_id(id_) for id_ in ids]))
        excluded = models.HasIdCondition(has_id=list(without)) if without else None
        return models.Filter(must=must, must_not=excluded)

    def under(
        self,
        allowed: Sequence[models.Condition],
        user: object = None,
        *,
        ids: Sequence[object] | None = None,
    ) -> models.Filter:
        """Return the tenant's condition AND these AND the caller's filter AND these ids.

        For a write to points that no reader sees; otherwise as `owned`.
        """
        must: list[models.Condition] = [self._tenant_condition, *allowed]
        if user is not None:
            must.append(self._rewritten(user, 0))
        if ids is not None:
            must.append(models.HasIdCondition(has_id=[self.stored_id(id_) for id_ in ids]))
        return models.Filter(must=must)

    def condition(self, condition: object, depth: int = 0) -> models.Condition:
        """Return one condition of a caller with its ids and keys confined."""
        if isinstance(condition, models.Filter):
            return self._rewritten(condition, depth + 1)
        if isinstance(condition, models.HasIdCondition):
            return models.HasIdCondition(has_id=[self.stored_id(id_) for id_ in condition.has_id])
        # A slice is chosen by the hash of the stored id: of the tenant's own points, some.
        if isinstance(condition, models.HasVectorCondition | models.SliceCondition):
            return condition
        if isinstance(condition, models.NestedCondition):
            self.check_key(condition.nested.key)
            inner = self._rewritten(condition.nested.filter, depth + 1)
            nested = models.Nested(key=condition.nested.key, filter=inner)
            return models.NestedCondition(nested=nested)
        if isinstance(condition, models.FieldCondition):
            refuse_unknown_fields(condition)
            self.check_key(condition.key)
            return condition
        if isinstance(condition, models.IsEmptyCondition):
            self.check_key(condition.is_empty.key)
            return condition
        if isinstance(condition, models.IsNullCondition):
            self.check_key(condition.is_null.key)
            return condition
        raise IsolationError(f"filter condition of type {type(condition).__name__} refused")

    def check_key(self, key: object, what: str = "filter") -> None:
        """Raise unless a caller may compare values of this payload path."""
        refuse_reserved(key, what)
        if self._refuse_keys is not None:
            self._refuse_keys([str(key)], what)

    def _rewritten(self, user: object, depth: int) -> models.Filter:
        if not isinstance(user, models.Filter):
            raise IsolationError(f"filter of type {type(user).__name__} refused: use models.Filter")
        if depth > _MAX_DEPTH:
            raise IsolationError(f"filter refused: nested deeper than {_MAX_DEPTH}")
        refuse_unknown_fields(user)
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
        return [self.condition(condition, depth) for condition in listed]
