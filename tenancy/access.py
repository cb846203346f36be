"""Document-level access inside a tenant: as a filter, as a re-check, and for writes.

>>> from ragbastion.tenancy.context import operator_context
>>> access = DocumentAccess()
>>> writer = operator_context(tenant="acme", principal="ann", clearance=1)
>>> reader = operator_context(tenant="acme", principal="bob", groups=["sales"], clearance=1)
>>> label = AccessLabel(groups=frozenset({"sales"}), classification=1)
>>> payload = access.labelled(writer, {"text": "Q3 plan"}, label)
>>> access.admits(reader, payload)
True
>>> access.admits(operator_context(tenant="acme", principal="eve", clearance=3), payload)
False

- INVARIANT: `conditions` and `admits` come from one rule and agree on every payload.
- INVARIANT: the conditions go into the ``must`` of a filter beside the tenant's; a caller's filter
  is nested beside them and can only narrow.

It knows documents of one tenant; whose they are is for the tenant's own filter and check.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..core.errors import AccessError, UsageError
from ..core.events import EventSink, LoggingEventSink
from ..core.settings_tenancy import AccessSettings, TenantAccess
from .access_changes import require_changeable, with_label
from .access_grants import changeable, curates, readable, restorable
from .access_labels import DELETED_AT, DELETED_BY, DELETION_KEYS, AccessLabel, label_of
from .access_rules import Rule, holds
from .context import TenantContext
from .names import checked_tenant

if TYPE_CHECKING:
    from qdrant_client import models

_DAY_S = 86_400
_MAX_KEPT = 1_024


class DocumentAccess:
    """Decides who of a tenant reads and changes which document; threads may share it.

    Refusals and changes of labels are reported to ``events``. Raises `UsageError` if the settings
    name a tenant that cannot exist.
    """

    def __init__(
        self, settings: AccessSettings | None = None, events: EventSink | None = None
    ) -> None:
        self._settings = settings or AccessSettings()
        self._events = events or LoggingEventSink()
        self._terms = {
            tenant: self._settings.of(checked_tenant(tenant)) for tenant in self._settings.tenants
        }
        self._general = self._settings.of("")
        self._made: dict[tuple[object, ...], tuple[Rule, list[models.Condition]]] = {}

    def enabled_for(self, tenant: str) -> bool:
        """Say whether the settings ask for a label on every document of the tenant."""
        return self._terms.get(tenant, self._general).enabled

    def rule(self, context: TenantContext, *, deleted: bool = False) -> Rule:
        """Return what the context may read, as a rule that other stores translate.

        ``deleted`` adds soft-deleted documents, for the role ``curator`` alone.
        """
        return self._reading(context, deleted)[0]

    def conditions(
        self, context: TenantContext, *, deleted: bool = False
    ) -> list[models.Condition]:
        """Return what the context may read, as conditions that all must hold.

        They depend on the context alone: they are shared between calls and must not be changed.
        """
        rule, made = self._reading(context, deleted)
        if not made:
            made[:] = _conditions(rule)
        return list(made)

    def admits(
        self, context: TenantContext, payload: Mapping[str, Any] | None, *, deleted: bool = False
    ) -> bool:
        """Say whether the context may read a document with this payload; no store is needed."""
        return holds(self._reading(context, deleted)[0], payload or {})

    def change_conditions(self, context: TenantContext) -> list[models.Condition]:
        """Return what the context may overwrite, label or delete, as conditions."""
        return _conditions(changeable(context))

    def may_change(self, context: TenantContext, payload: Mapping[str, Any] | None) -> bool:
        """Say whether the context may change a stored document with this payload."""
        return holds(changeable(context), payload or {})

    def change_rule(self, context: TenantContext) -> Rule:
        """Return what the context may overwrite, label or delete, as a rule."""
        return changeable(context)

    def labelled(
        self,
        context: TenantContext,
        payload: Mapping[str, Any],
        label: AccessLabel | None = None,
        *,
        stored: Mapping[str, Any] | None = None,
        document: str = "",
    ) -> dict[str, Any]:
        """Return the payload to write, with the label that holds from then on.

        The label may also stand in the payload, as `AccessLabel.as_payload` gives it. ``stored`` is
        the payload of the document that is written over, None for a new one; without a new label
        its label stays. ``document`` is its id, for the event. Raises `AccessError` for what the
        context may not set, `UsageError` for a malformed label.
        """
        terms = self._terms_of(context)
        with self._reporting(context, "label", document):
            written = with_label(context, terms, payload, label, stored)
            if stored is not None:
                self._report_change(context, document, stored, written)
        return written

    def deletion(
        self, context: TenantContext, stored: Mapping[str, Any] | None = None, document: str = ""
    ) -> dict[str, Any]:
        """Return the payload keys that soft-delete a document.

        Set them only where `change_conditions` hold; with ``stored``, the payload that it has, a
        document that may not be changed raises `AccessError`.
        """
        with self._reporting(context, "delete", document):
            if stored is not None:
                require_changeable(context, stored)
        self._report(context, "access.deleted", document, "allowed", {})
        return {DELETED_AT: round(time.time(), 3), DELETED_BY: context.principal}

    def restore_rule(self, context: TenantContext) -> Rule:
        """Return which deleted documents the context may restore, as a rule.

        Raises `AccessError` for a context without the role ``admin`` or ``curator``.
        """
        with self._reporting(context, "restore"):
            return restorable(context)

    def restore_conditions(self, context: TenantContext) -> list[models.Condition]:
        """Return which deleted documents the context may restore, as conditions.

        Delete the keys `DELETION_KEYS` from their payload. Raises `AccessError` for a context
        without the role ``admin`` or ``curator``.
        """
        found = _conditions(self.restore_rule(context))
        self.report_restored(context, "")
        return found

    def report_restored(self, context: TenantContext, document: str) -> None:
        """Report that a document is being restored; before it is, so that none goes unreported."""
        self._report(context, "access.restored", document, "allowed", {"keys": list(DELETION_KEYS)})

    def report_unchangeable(self, context: TenantContext, document: str) -> None:
        """Report that a document was not changed: it does not exist, or not for the context."""
        detail = {"act": "change", "reason": "not there, or not the caller's to change"}
        self._report(context, "access.refused", document, "refused", detail)

    def purge_conditions(
        self, context: TenantContext, now: float | None = None
    ) -> list[models.Condition]:
        """Return which documents were deleted longer ago than the retention, as conditions.

        ``now``: seconds since the epoch. Raises `AccessError` as `restore_conditions` does.
        """
        kept_s = self._terms_of(context).retention_days * _DAY_S
        until = (time.time() if now is None else now) - kept_s
        with self._reporting(context, "purge"):
            found = _conditions(restorable(context, until))
        self._report(context, "access.purged", "", "allowed", {"until": until})
        return found

    def _terms_of(self, context: TenantContext) -> TenantAccess:
        return self._terms.get(context.tenant, self._general)

    def _reading(
        self, context: TenantContext, deleted: bool
    ) -> tuple[Rule, list[models.Condition]]:
        """Return the rule of what the context may read, and its conditions if they were made.

        Kept by what the rule depends on: making conditions costs as much as a small query.
        """
        key = (
            context.tenant,
            context.principal,
            context.roles,
            context.groups,
            context.department,
            context.clearance,
            deleted,
        )
        kept = self._made.get(key)
        if kept is None:
            with self._reporting(context, "read"):
                kept = (readable(context, self._terms_of(context), deleted=deleted), [])
            if len(self._made) >= _MAX_KEPT:
                self._made.clear()
            self._made[key] = kept
        return kept

    def _report_change(
        self,
        context: TenantContext,
        document: str,
        stored: Mapping[str, Any],
        written: Mapping[str, Any],
    ) -> None:
        before, after = label_of(stored), label_of(written)
        if before == after:
            return
        detail = {
            "from": None if before is None else before.classification,
            "to": None if after is None else after.classification,
            "curator": curates(context),
        }
        self._report(context, "access.labelled", document, "changed", detail)

    @contextmanager
    def _reporting(self, context: TenantContext, act: str, document: str = "") -> Iterator[None]:
        try:
            yield
        except (AccessError, UsageError) as error:
            detail = {"act": act, "reason": str(error)}
            self._report(context, "access.refused", document, "refused", detail)
            raise

    def _report(
        self,
        context: TenantContext,
        kind: str,
        document: str,
        outcome: str,
        detail: Mapping[str, Any],
    ) -> None:
        self._events.emit(
            context.event(
                kind,
                outcome,
                subject=document,
                detail=detail,
            )
        )


def _conditions(rule: Rule) -> list[models.Condition]:
    # Imported here, so that the re-check and other stores need no qdrant-client.
    from .access_conditions import conditions_of

    return conditions_of(rule)
