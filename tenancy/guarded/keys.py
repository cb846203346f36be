"""Payload keys that callers may not name: the guard's own, and those whose texts are sealed."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...core.errors import IsolationError, UsageError
from ..point_identity import ID_KEY, TENANT_KEY

GUARD_KEYS = (TENANT_KEY, ID_KEY)


def root_of(path: str) -> str:
    """Return the payload key that a path starts at: ``a`` for ``a.b[0]`` and for ``"a".b``."""
    return re.split(r"[.\[]", path.strip(), maxsplit=1)[0].strip().strip('"')


def reserved(path: str) -> bool:
    """Say whether a payload path starts at one of the guard's own keys, quoted or not."""
    quoted = tuple(f'"{key}"' for key in GUARD_KEYS)
    return root_of(path) in GUARD_KEYS or path.strip().startswith(quoted)


def refuse_reserved(path: object, what: str) -> None:
    """Raise `IsolationError` if the path is no text or starts at a key of the guard."""
    if not isinstance(path, str):
        raise IsolationError(f"{what} refused: a payload key of type {type(path).__name__}")
    if reserved(path):
        # INVARIANT: a reserved path is one of few spellings, so it may be named.
        raise IsolationError(
            f"{what} refused: it names '{root_of(path)}', which the guard sets itself; leave it out"
        )


def refuse_sealed(path: str, sealed: Collection[str], what: str) -> None:
    """Raise `UsageError` if the path starts at a sealed field, where nothing can be compared."""
    if sealed and root_of(path) in sealed:
        raise UsageError(f"{what} refused: the texts of '{root_of(path)}' are sealed")
