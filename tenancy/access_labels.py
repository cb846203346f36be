"""Access labels: who may read one document inside a tenant, kept in its payload.

>>> AccessLabel(owner="ann", classification=1).as_payload()
{'_ragbastion_access_owner': 'ann', '_ragbastion_access_classification': 1}

Every key of a label starts with `ACCESS_PREFIX`. What writes payloads for others must treat the
whole prefix as reserved: only `DocumentAccess` (`access`) decides who may set it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..core.errors import UsageError
from .names import check_text

ACCESS_PREFIX = "_ragbastion_access_"
"""What every payload key of a label starts with."""

OWNER = ACCESS_PREFIX + "owner"
USERS = ACCESS_PREFIX + "users"
GROUPS = ACCESS_PREFIX + "groups"
DEPARTMENT = ACCESS_PREFIX + "department"
CLASSIFICATION = ACCESS_PREFIX + "classification"
DELETED_AT = ACCESS_PREFIX + "deleted_at"
DELETED_BY = ACCESS_PREFIX + "deleted_by"

LABEL_KEYS = (OWNER, USERS, GROUPS, DEPARTMENT, CLASSIFICATION)
"""A document that has a value under none of these is unlabelled."""
DELETION_KEYS = (DELETED_AT, DELETED_BY)

MAX_NAMES = 1_000


class Classification(IntEnum):
    """How far a document may travel; a reader's clearance must be at least as high."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    SECRET = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLabel:
    """Who may read a document: its owner, these users, members of these groups, a department.

    Whoever reads needs the clearance for ``classification`` as well. An empty ``owner`` is the
    principal that writes; ``classification`` None is the tenant's default. Raises `UsageError` for
    names that are empty, not in NFC, longer than 256 characters, or that hold a control or
    invisible character, and for more than 1,000 users or groups.
    """

    owner: str = ""
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    department: str = ""
    classification: int | None = None

    def __post_init__(self) -> None:
        for field, name in (("owner", self.owner), ("department", self.department)):
            if name != "":
                check_text(f"access label refused: {field}", name, shortest=1)
        for field, names in (("users", self.users), ("groups", self.groups)):
            _check_names(field, names)
        level = self.classification
        if level is not None and (not isinstance(level, int) or isinstance(level, bool)):
            raise UsageError("access label refused: classification must be 0 to 3")
        if level is not None and not Classification.PUBLIC <= level <= Classification.SECRET:
            raise UsageError("access label refused: classification must be 0 to 3")

    def as_payload(self) -> dict[str, Any]:
        """Return the payload keys of the label; what is empty has none."""
        kept: dict[str, Any] = {
            OWNER: self.owner,
            USERS: sorted(self.users),
            GROUPS: sorted(self.groups),
            DEPARTMENT: self.department,
        }
        named = {key: value for key, value in kept.items() if value}
        if self.classification is not None:
            named[CLASSIFICATION] = int(self.classification)
        return named


def label_of(payload: Mapping[str, Any]) -> AccessLabel | None:
    """Return the label that a payload carries, or None; raise `UsageError` if it is malformed.

    ``payload``: untrusted. The keys of a deletion are no part of a label.
    """
    if unlabelled(payload):
        return None
    return AccessLabel(
        owner=_name(payload.get(OWNER)),
        users=_names(payload.get(USERS)),
        groups=_names(payload.get(GROUPS)),
        department=_name(payload.get(DEPARTMENT)),
        classification=payload.get(CLASSIFICATION),
    )


def unlabelled(payload: Mapping[str, Any]) -> bool:
    """Say whether a payload has a value under no key of a label; null and [] are no values."""
    return all(payload.get(key) in (None, []) for key in LABEL_KEYS)


def deleted(payload: Mapping[str, Any]) -> bool:
    """Say whether the document was soft-deleted."""
    return payload.get(DELETED_AT) not in (None, [])


def names_label(path: str) -> bool:
    """Say whether a payload path starts at a key of the prefix, quoted or not."""
    return path.strip().lstrip('"').startswith(ACCESS_PREFIX)


def without_label(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload without any key of the prefix, as it may be shown to a reader."""
    return {key: value for key, value in payload.items() if not key.startswith(ACCESS_PREFIX)}


def _name(value: Any) -> Any:
    """Return a name as it is, none of it as empty; what is no text is refused by the label."""
    return "" if value in (None, []) else value


def _names(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    # A bare text is a collection of letters, and never what was meant.
    if isinstance(value, str) or not isinstance(value, Collection):
        raise UsageError("access label refused: users and groups must be lists of names")
    if not all(isinstance(name, str) for name in value):
        raise UsageError("access label refused: users and groups must be lists of names")
    return frozenset(value)


def _check_names(field: str, names: object) -> None:
    if not isinstance(names, frozenset) or len(names) > MAX_NAMES:
        raise UsageError(
            f"access label refused: {field} must be a frozenset of at most {MAX_NAMES}"
        )
    for name in names:
        check_text(f"access label refused: {field}", name, shortest=1)
