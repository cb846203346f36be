"""Payload keys that callers may not name: those that the guard and its hooks write themselves."""

from __future__ import annotations

import re

from ...core.errors import IsolationError
from ..point_identity import ID_KEY, TENANT_KEY

GUARD_KEYS = (TENANT_KEY, ID_KEY)
"""What each point carries; both are read to check it."""

GUARD_PREFIX = "_ragbastion_"
"""What every key of this package begins with, access labels among them."""


def root_of(path: str) -> str:
    """Return the payload key that a path starts at: ``a`` for ``a.b[0]`` and for ``"a".b``."""
    return re.split(r"[.\[]", path.strip(), maxsplit=1)[0].strip().strip('"')


def reserved(path: str) -> bool:
    """Say whether a payload path starts at one of the guard's own keys, quoted or not."""
    root, quoted = root_of(path), (f'"{TENANT_KEY}"', f'"{GUARD_PREFIX}')
    own = root == TENANT_KEY or root.startswith(GUARD_PREFIX)
    return own or path.strip().startswith(quoted)


def refuse_reserved(path: object, what: str) -> None:
    """Raise `IsolationError` if the path is no text or starts at a key of the guard."""
    if not isinstance(path, str):
        raise IsolationError(f"{what} refused: a payload key of type {type(path).__name__}")
    if reserved(path):
        raise IsolationError(
            f"{what} refused: it names '{TENANT_KEY}' or a key that starts with "
            f"'{GUARD_PREFIX}', which the guard sets itself; leave it out"
        )
