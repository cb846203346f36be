"""Soft deletion of a tenant's points: hidden from every reader, and shown again by a curator.

These are the guard's own methods, not the client's. INVARIANT: who may do it is in the filter of
the one call that does it, so nothing is checked before that and done after.
"""

from __future__ import annotations

from qdrant_client import models
from qdrant_client.conversions import common_types as types

from ...core.errors import UsageError
from ..access_labels import DELETION_KEYS
from ..client_calls import Steps, call
from .hooks import DocumentAccess
from .scope import TenantScope
from .selectors import Chosen, chosen_points


def soft_delete(
    scope: TenantScope,
    collection_name: str,
    points_selector: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Hide those of the chosen points that the context may change, and let the others be."""
    access = _access(scope)
    chosen = chosen_points(points_selector)
    allowed = access.change_conditions(scope.context)
    changeable = scope.filters.under(allowed, chosen.user_filter, ids=chosen.ids)
    keys = access.deletion(scope.context, document=_named(chosen))
    done: types.UpdateResult = yield call(
        "set_payload",
        collection_name,
        keys,
        models.FilterSelector(filter=changeable),
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def restore_deleted(
    scope: TenantScope,
    collection_name: str,
    points_selector: types.PointsSelector,
    wait: bool = True,
    ordering: types.WriteOrdering | None = None,
    timeout: int | None = None,
) -> Steps[types.UpdateResult]:
    """Show those of the chosen points again that are deleted and that the context may restore.

    Raises `AccessError` for a context without the role ``admin`` or ``curator``.
    """
    access = _access(scope)
    chosen = chosen_points(points_selector)
    allowed = access.restore_conditions(scope.context)
    deleted = scope.filters.under(allowed, chosen.user_filter, ids=chosen.ids)
    done: types.UpdateResult = yield call(
        "delete_payload",
        collection_name,
        list(DELETION_KEYS),
        models.FilterSelector(filter=deleted),
        wait=wait,
        ordering=ordering,
        timeout=timeout,
    )
    return done


def _access(scope: TenantScope) -> DocumentAccess:
    if scope.access is None:
        raise UsageError(
            "soft deletion refused: nothing would hide the points; make the guarded client with "
            "access=DocumentAccess(...)"
        )
    return scope.access


def _named(chosen: Chosen) -> str:
    """Return the id of the one point that is chosen, nothing for more."""
    return str(chosen.ids[0]) if chosen.ids is not None and len(chosen.ids) == 1 else ""
