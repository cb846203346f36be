"""How a point carries its tenant: in its payload and in its id.

- INVARIANT: the stored id is UUIDv5 of tenant and logical id, so two tenants that use one logical
  id never share a point, and a point that was moved to another tenant no longer fits its id.
- INVARIANT: what leaves a store has passed `restored`, which recomputes both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ..core.chunk import TenantId
from ..core.errors import InputError, IsolationError

try:
    # As `random` of the standard library does it: OpenSSL's takes twice as long for a short text,
    # and each point of each answer is hashed.
    from _sha1 import sha1  # type: ignore[import-not-found]
except ImportError:  # an interpreter that was built without it
    from hashlib import sha1

TENANT_KEY = "tenant"
"""The payload key that names the tenant; stamped on each write and refused with another value."""

ID_KEY = "_ragbastion_id"
"""The payload key that keeps the logical id; never seen by callers."""

_NAMESPACE = UUID("6f1c9d0e-6f0c-5d0b-9a5e-2b7f3c1d8e42").bytes
# RFC 9562, section 5.5: of the 128 bits of the hash, version and variant are overwritten.
_HASH_BITS = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48

LogicalId = str | int
_ID_TYPES = frozenset({str, int})


def namespaced_id(tenant: TenantId, logical: LogicalId) -> UUID:
    """Return the id under which the tenant's point is stored; 7 and "7" are different points."""
    return UUID(int=_id_bits(tenant, logical))


def _id_bits(tenant: TenantId, logical: LogicalId) -> int:
    # `uuid.uuid5` without its two UUID objects: each point of each answer is checked by this.
    kind = "int" if isinstance(logical, int) else "str"
    # INVARIANT: a tenant holds no control character, so the separator cannot be forged.
    name = f"{tenant}\x00{kind}\x00{logical}".encode()
    digest = sha1(_NAMESPACE + name, usedforsecurity=False).digest()
    return int.from_bytes(digest[:16], "big") & _HASH_BITS | _VERSION_5


def stamped(tenant: TenantId, logical: LogicalId, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload with tenant and logical id; refuse one that claims another tenant."""
    refuse_foreign_claims(tenant, logical, payload)
    return {**payload, TENANT_KEY: str(tenant), ID_KEY: logical}


def refuse_foreign_claims(tenant: TenantId, logical: LogicalId, payload: Mapping[str, Any]) -> None:
    """Raise unless the payload names this tenant or none, and not the key of the id."""
    if payload.get(TENANT_KEY, tenant) != tenant:
        raise IsolationError(
            f"point '{logical}' refused: its payload names another tenant than '{tenant}'; "
            f"leave the key '{TENANT_KEY}' out"
        )
    if ID_KEY in payload:
        raise IsolationError(f"point '{logical}' refused: payload key '{ID_KEY}' is reserved")


def restored(
    tenant: TenantId, stored_id: object, payload: Mapping[str, Any] | None
) -> tuple[LogicalId, dict[str, Any]]:
    """Return logical id and payload of a stored point, or raise `IsolationError` if it is foreign.

    Foreign is a point whose payload names another tenant or none, or whose id does not follow from
    its tenant and logical id.
    """
    kept = dict(payload or {})
    logical = kept.pop(ID_KEY, None)
    if kept.get(TENANT_KEY) != tenant:
        raise IsolationError(
            f"point '{stored_id}' withheld: it is not of tenant '{tenant}'; "
            "the store returned a foreign point, check who else writes to it"
        )
    # Exactly these types, as JSON gives them: bool is an int, and no id.
    if type(logical) not in _ID_TYPES or not _same_id(_id_bits(tenant, logical), stored_id):
        raise IsolationError(
            f"point '{stored_id}' withheld: its id does not belong to tenant '{tenant}'; "
            "it was not written through the guard, ingest it again"
        )
    return logical, kept


def _same_id(expected: int, stored: object) -> bool:
    # Comparing numbers spares two texts for each point of each query of the embedded store.
    return expected == stored.int if isinstance(stored, UUID) else _text(expected) == str(stored)


def _text(bits: int) -> str:
    """Return a UUID's canonical text."""
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def payload_bytes(logical: LogicalId, payload: Mapping[str, Any]) -> int:
    """Return the size of the payload as JSON, or raise `InputError` if it is not JSON."""
    try:
        return len(json.dumps(payload, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        # UnicodeEncodeError is a ValueError; its text would quote the payload, so it is left out.
        raise InputError(
            f"point '{logical}' refused: its payload is not JSON ({type(error).__name__})"
        ) from None
