"""Who may set which label: the checks behind `DocumentAccess.labelled`, over plain values.

- Another's document is changed by curators alone, and nobody changes what it has no clearance for.
- INVARIANT: nobody names another owner but a curator; else a document could be planted as theirs.
- INVARIANT: a label above the writer's own clearance is refused unless the tenant allows writing
  up. The writer could not read it again, and could place text where only higher readers see it.
- INVARIANT: a lower classification is set by a curator, or by the owner where the tenant says so:
  declassifying shows the document to more readers, and an agent that was talked into it owns much.
- What is left out of a new label never lowers anything: classification and owner stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.errors import AccessError, UsageError
from ..core.settings_tenancy import TenantAccess
from .access_grants import changeable, curates
from .access_labels import (
    ACCESS_PREFIX,
    LABEL_KEYS,
    AccessLabel,
    deleted,
    label_of,
    without_label,
)
from .access_rules import holds
from .context import TenantContext


def with_label(
    context: TenantContext,
    terms: TenantAccess,
    payload: Mapping[str, Any],
    label: AccessLabel | None,
    stored: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the payload with the label that is to be written, or raise `AccessError`.

    ``stored`` is the payload that the document has now, None for a new one.
    """
    wanted = _wanted(payload, label)
    previous = None
    if stored is not None:
        require_changeable(context, stored)
        previous = label_of(stored)
        if wanted is None and (previous is not None or terms.unlabelled == "allow"):
            # Text that all of the tenant reads is corrected without taking it from them.
            kept = previous or AccessLabel()
            return {**without_label(payload), **kept.as_payload()}
    complete = _completed(context, terms, wanted or AccessLabel(), previous)
    _check_owner(context, complete, previous)
    _check_classification(context, terms, complete, previous)
    return {**without_label(payload), **complete.as_payload()}


def require_changeable(context: TenantContext, stored: Mapping[str, Any]) -> None:
    """Raise `AccessError` unless the context may change the stored document."""
    if not holds(changeable(context), stored):
        what = (
            "it was deleted, restore it first"
            if _only_deleted(context, stored)
            else ("its owner, 'admin' or 'curator' may, with clearance for it")
        )
        raise AccessError(f"change of a document refused: {what}")


def _only_deleted(context: TenantContext, stored: Mapping[str, Any]) -> bool:
    """Say whether a curator, who may know of deleted documents, meets one."""
    kept = {key: value for key, value in stored.items() if key in LABEL_KEYS}
    return curates(context) and deleted(stored) and holds(changeable(context), kept)


def _wanted(payload: Mapping[str, Any], label: AccessLabel | None) -> AccessLabel | None:
    """Return the label that is asked for, as an argument or as keys of the payload."""
    if label is not None and not isinstance(label, AccessLabel):
        raise UsageError("access label refused: use an AccessLabel")
    named = {key for key in payload if key.startswith(ACCESS_PREFIX)}
    if named - set(LABEL_KEYS):
        raise AccessError(
            f"payload refused: it sets keys under '{ACCESS_PREFIX}' that only soft delete sets"
        )
    if label is not None and named:
        raise UsageError("access label refused: give it as an argument or in the payload, not both")
    return label if label is not None else label_of(payload)


def _completed(
    context: TenantContext,
    terms: TenantAccess,
    wanted: AccessLabel,
    previous: AccessLabel | None,
) -> AccessLabel:
    before = previous or AccessLabel(
        owner=context.principal, classification=terms.default_classification
    )
    level = before.classification if wanted.classification is None else wanted.classification
    return replace(wanted, owner=wanted.owner or before.owner, classification=level)


def _check_owner(context: TenantContext, label: AccessLabel, previous: AccessLabel | None) -> None:
    own = {context.principal, previous.owner if previous is not None else context.principal}
    if label.owner not in own and not curates(context):
        raise AccessError(
            "access label refused: another owner is named by the role 'admin' or 'curator' only"
        )


def _check_classification(
    context: TenantContext,
    terms: TenantAccess,
    label: AccessLabel,
    previous: AccessLabel | None,
) -> None:
    level = label.classification or 0
    if level > context.clearance and terms.write_up == "deny":
        raise AccessError(
            f"access label refused: classification {level} is above the writer's clearance "
            f"{context.clearance}; choose a lower one, or set access.write_up for the tenant"
        )
    before = 0 if previous is None else previous.classification or 0
    if level < before and not curates(context) and not terms.owner_declassifies:
        raise AccessError(
            f"access label refused: lowering classification {before} needs the role 'admin' or "
            "'curator'"
        )
