"""Which documents of its tenant a context may read, change, restore and purge, as rules.

- A document is read by its owner, its users, members of its groups, and its department; each of
  them needs clearance for its classification. A document that is labelled and has no
  classification is read by nobody.
- It is changed by its owner, and by the roles ``admin`` and ``curator``; they need the clearance.
- A role alone opens nothing for reading. Deleted documents are shown to ``curator`` when asked for.
"""

from __future__ import annotations

from ..core.errors import AccessError
from ..core.settings_tenancy import TenantAccess
from .access_labels import (
    CLASSIFICATION,
    DELETED_AT,
    DEPARTMENT,
    GROUPS,
    LABEL_KEYS,
    OWNER,
    USERS,
)
from .access_rules import AllOf, AnyOf, AtMost, Empty, HasOne, Rule
from .context import TenantContext

CURATOR = "curator"
ADMIN = "admin"

_UNLABELLED = AllOf(tuple(Empty(key) for key in LABEL_KEYS))
_KEPT = Empty(DELETED_AT)


def curates(context: TenantContext) -> bool:
    """Say whether the context may change labels of documents that it does not own."""
    return not context.roles.isdisjoint({ADMIN, CURATOR})


def readable(context: TenantContext, terms: TenantAccess, *, deleted: bool = False) -> Rule:
    """Return the rule of what the context may read; ``deleted`` adds what was soft-deleted.

    Raises `AccessError` if deleted documents are asked for without the role ``curator``.
    """
    if deleted and CURATOR not in context.roles:
        raise AccessError("deleted documents refused: they are shown to the role 'curator' only")
    granted: Rule = AllOf((AnyOf(_grants(context)), _cleared(context)))
    if terms.unlabelled == "allow":
        granted = AnyOf((granted, _UNLABELLED))
    return granted if deleted else AllOf((granted, _KEPT))


def changeable(context: TenantContext) -> Rule:
    """Return the rule of what the context may overwrite, label and soft-delete.

    Unlabelled documents are changed by curators alone: labelling one takes it from other readers.
    """
    if curates(context):
        return AllOf((_curated(context), _KEPT))
    return AllOf((HasOne(OWNER, frozenset({context.principal})), _cleared(context), _KEPT))


def restorable(context: TenantContext, until: float | None = None) -> Rule:
    """Return the rule of deleted documents that the context may restore, or purge.

    ``until``: seconds since the epoch; only what was deleted up to then. Raises `AccessError` for
    a context that does not curate.
    """
    if not curates(context):
        raise AccessError("refused: restoring and purging need the role 'admin' or 'curator'")
    # Far beyond any clock, and still a number that JSON and every store can hold.
    return AllOf((_curated(context), AtMost(DELETED_AT, 1e15 if until is None else until)))


def _grants(context: TenantContext) -> tuple[Rule, ...]:
    principal = frozenset({context.principal})
    grants: list[Rule] = [HasOne(OWNER, principal), HasOne(USERS, principal)]
    if context.groups:
        grants.append(HasOne(GROUPS, context.groups))
    if context.department:
        grants.append(HasOne(DEPARTMENT, frozenset({context.department})))
    return tuple(grants)


def _cleared(context: TenantContext) -> Rule:
    return AtMost(CLASSIFICATION, context.clearance)


def _curated(context: TenantContext) -> Rule:
    return AnyOf((_cleared(context), _UNLABELLED))
