"""What is known of a tenant's data keys: wrapped ones, dropped ones, and the tenant's state."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as it is kept; ``seals`` counts what was reserved of its limit."""

    tenant: str
    version: int
    key_id: str
    kek_id: str
    wrapped: bytes
    seals: int = 0
    created_at: float = 0.0

    @classmethod
    def of(cls, row: sqlite3.Row) -> WrappedKey:
        """Return the key of a row of ``data_keys``."""
        return cls(**{name: row[name] for name in cls.__slots__})

    @property
    def context(self) -> dict[str, str]:
        """Return what the wrapping is bound to."""
        return {"tenant": self.tenant, "version": str(self.version), "key": self.key_id}

    @property
    def wrapped_sha256(self) -> str:
        """Return the hex digest of the wrapped form."""
        return sha256(self.wrapped).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedKey:
    """What is left of a dropped key; times are seconds since the epoch."""

    version: int
    key_id: str
    kek_id: str
    wrapped_sha256: str
    erased_at: float

    @classmethod
    def of(cls, row: sqlite3.Row) -> ErasedKey:
        """Return the record of a row of ``erased_keys``."""
        return cls(**{name: row[name] for name in cls.__slots__})

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantState:
    """The live versions of a tenant, oldest first; ``highest`` was ever given, 0 for none."""

    versions: tuple[int, ...] = ()
    highest: int = 0
    erased: bool = False
