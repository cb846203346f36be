"""The data keys of the tenants: made, handed out, rotated, rewrapped and dropped.

>>> import secrets, tempfile
>>> from ragbastion.core.events import MemoryEventSink
>>> from ragbastion.tenancy.encryption import LocalKeyEncryption
>>> path = Path(tempfile.mkdtemp()) / "tenant_keys.db"
>>> keys = TenantKeys(path, LocalKeyEncryption(secrets.token_bytes(32)), MemoryEventSink())
>>> keys.create("acme"), keys.rotate("acme")
(1, 2)
>>> len(keys.erase("acme"))
2
>>> keys.close()

- INVARIANT: a grant to seal reads the tenant's state from the file, so an erasure or a rotation by
  another process holds from the next seal on.
- INVARIANT: a grant to open reads it again after ``recheck_s`` at the latest, so a key that another
  process dropped opens nothing ``recheck_s`` later.
- INVARIANT: seals are reserved in the file before they are made, so all processes together keep the
  limit of a key.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...core.errors import (
    ErasedTenantError,
    SealError,
    StoreError,
    StoreLockedError,
    TenantKeyError,
    UnknownTenantError,
    UsageError,
)
from ...core.events import Event, EventSink
from ..names import checked_tenant
from .key_database import KeyDatabase
from .key_encryption import KEY_BYTES, KeyEncryption
from .key_records import ErasedKey, TenantState, WrappedKey
from .key_wrapping import KeyWrapping
from .opened_keys import OpenedKeys
from .seal_limits import MAX_SEALS, SealLimits
from .sealed_value import MAX_VERSION

RECHECK_S = 1.0
_MAX_RECHECK_S = 60.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A key and how many values may be sealed with it now."""

    version: int
    key: AESGCM
    count: int


class TenantKeys:
    """Keeps the keys in a SQLite file; threads and processes may share it.

    ``previous`` are key-encryption keys that `rewrap` still unwraps with. After ``max_seals``
    seals, at most 2^32, a key is replaced. An erasure that a kill cut short is finished here.
    Raises `StoreError` if the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        key_encryption: KeyEncryption,
        events: EventSink,
        *,
        previous: Sequence[KeyEncryption] = (),
        max_seals: int = MAX_SEALS,
        recheck_s: float = RECHECK_S,
    ) -> None:
        if not 0 <= recheck_s <= _MAX_RECHECK_S:
            raise UsageError(f"recheck_s {recheck_s} refused: it must be between 0 and 60")
        self._wrapping = KeyWrapping(key_encryption, previous)
        self._events = events
        self._opened = OpenedKeys(recheck_s)
        self._database = KeyDatabase(path)
        try:
            self._limits = SealLimits(self._database, max_seals)
            with suppress(StoreLockedError):
                for tenant in self._database.unreported():
                    self._finish_erasure(tenant, "")
        except BaseException:
            self._database.close()
            raise

    def create(self, tenant: str, *, principal: str = "") -> int:
        """Make a key for a tenant that has none, erased ones too; return its version.

        Raises `UsageError` if the tenant has one.
        """
        state = self._database.state(checked_tenant(tenant))
        reason = "re-created" if state.erased else "created"
        if state.versions or not self._add(tenant, state, reason, principal):
            raise UsageError(f"tenant '{tenant}' has a key already: rotate it instead")
        return state.highest + 1

    def rotate(self, tenant: str, *, principal: str = "") -> int:
        """Make a new key that seals from now on; return its version. Old keys still open."""
        while True:
            state = self._live(checked_tenant(tenant), time.monotonic())
            if not state.versions:
                raise UnknownTenantError(f"tenant '{tenant}' has no key: nothing to rotate")
            if self._add(tenant, state, "rotated", principal):
                return state.highest + 1

    def erase(self, tenant: str, *, principal: str = "") -> list[ErasedKey]:
        """Drop every key of the tenant for good; return what is left of them as proof.

        The proof is an event ``tenancy.keys_erased``; if the sink cannot keep it this raises, the
        keys are gone all the same, and another call, or the next start, reports it. Raises
        `UnknownTenantError` for a tenant that never had a key.
        """
        if not self._database.state(checked_tenant(tenant)).highest:
            raise UnknownTenantError(f"tenant '{tenant}' has no key: nothing to erase")
        self._database.erase(tenant)
        self._opened.forget(tenant)
        return self._finish_erasure(tenant, principal)

    def rewrap(self, *, principal: str = "") -> int:
        """Put every data key under the current key-encryption key; return how many were not.

        Forms are staged one by one and switched in one transaction: a kill leaves all keys under
        the old one, and another call goes on where it stopped.
        """
        new, old = self._wrapping.key_id, self._database.kek_id()
        moved: int | None = None
        while moved is None:
            for key in self._database.unstaged(new):
                self._database.stage(key.key_id, new, self._wrapping.rewrapped(key))
            moved = self._database.switch(new)
        self._database.scrub()
        detail = {"from": old or "", "to": new, "keys": moved}
        self._emit("tenancy.keys_rewrapped", "", new, "rewrapped", principal, detail)
        return moved

    def live(self) -> list[WrappedKey]:
        """Return every live key in its wrapped form, by tenant and version."""
        return self._database.keys()

    def erased(self, tenant: str | None = None) -> dict[str, list[ErasedKey]]:
        """Return what is left of dropped keys, by tenant."""
        return self._database.erased(tenant)

    def to_seal(self, tenant: str, wanted: int) -> Grant:
        """Return the newest key for 1 to ``wanted`` seals; a tenant never seen gets its first.

        Raises `ErasedTenantError` for an erased tenant, `TenantKeyError` if no key can be had.
        """
        while True:
            checked_at = time.monotonic()
            state = self._live(checked_tenant(tenant), checked_at)
            if state.versions:
                version = state.versions[-1]
                # The key first: one that cannot be unwrapped costs nothing of its limit.
                key = self._key(tenant, version, state, checked_at)
                granted = self._limits.spend(tenant, version, wanted)
                if granted:
                    return Grant(version, key, granted)
            # None yet, or its limit is reached. Another process may be first: then look again.
            self._add(tenant, state, "limit reached" if state.versions else "created", "")

    def to_open(self, tenant: str, version: int) -> AESGCM:
        """Return the key of a version that a sealed value (untrusted) names.

        Raises `ErasedTenantError` if it was dropped, `TenantKeyError` if the tenant has none at
        all, `SealError` if it has no such version.
        """
        key = self._opened.fresh(tenant, version)
        if key is None:
            checked_at = time.monotonic()
            state = self._live(checked_tenant(tenant), checked_at)
            key = self._key(tenant, version, state, checked_at)
        return key

    def newest(self, tenant: str) -> int:
        """Return the version that seals now, 0 if the tenant has none yet."""
        state = self._live(checked_tenant(tenant), time.monotonic())
        return state.versions[-1] if state.versions else 0

    def close(self) -> None:
        """Forget the unwrapped keys and close the file."""
        self._opened.clear()
        self._database.close()

    def _live(self, tenant: str, checked_at: float) -> TenantState:
        """Return the state as the file has it now; raise `ErasedTenantError` for an erased one."""
        state = self._database.state(tenant)
        if state.erased:
            self._opened.forget(tenant)
            raise _erased(tenant)
        self._opened.learn(tenant, state.versions, checked_at)
        return state

    def _key(self, tenant: str, version: int, state: TenantState, checked_at: float) -> AESGCM:
        """Return the key of a version, unwrapped at need."""
        key = self._opened.held(tenant, version)
        if key is None:
            wrapped = self._database.key(tenant, version)
            if wrapped is None:
                raise self._missing(tenant, version, state)
            key = self._wrapping.unwrapped(wrapped)
            self._opened.keep(tenant, version, key, checked_at)
        return key

    def _missing(self, tenant: str, version: int, state: TenantState) -> StoreError | SealError:
        if any(key.version == version for key in self._database.erased(tenant).get(tenant, ())):
            return _erased(tenant)
        if not state.versions:
            return TenantKeyError(
                f"tenant '{tenant}' has no key in the key database: restore the one that its "
                "values were sealed with"
            )
        return SealError(
            f"it names key version {version}, which tenant '{tenant}' does not have: it was "
            "altered, or the key database is not the one that it was sealed with"
        )

    def _add(self, tenant: str, state: TenantState, reason: str, principal: str) -> bool:
        """Make the next version; False if another process changed the tenant first."""
        version = state.highest + 1
        if version > MAX_VERSION:
            raise TenantKeyError(f"tenant '{tenant}' has used up its key versions")
        draft = WrappedKey(
            tenant=tenant,
            version=version,
            key_id=secrets.token_hex(8),
            kek_id=self._wrapping.key_id,
            wrapped=b"",
            created_at=time.time(),
        )
        key = self._wrapping.wrapped(draft, secrets.token_bytes(KEY_BYTES))
        if not self._database.add(key, recreate=state.erased):
            return False
        detail = {"version": version, "reason": reason, "kek": key.kek_id}
        self._emit("tenancy.key_created", tenant, key.key_id, "created", principal, detail)
        return True

    def _finish_erasure(self, tenant: str, principal: str) -> list[ErasedKey]:
        """Empty what the file still holds of the keys, then keep the proof."""
        self._database.scrub()
        gone = self._database.erased(tenant).get(tenant, [])
        detail = {"keys": [key.as_dict() for key in gone]}
        self._emit("tenancy.keys_erased", tenant, tenant, "erased", principal, detail)
        self._database.mark_reported(tenant)
        return gone

    def _emit(
        self,
        kind: str,
        tenant: str,
        subject: str,
        outcome: str,
        principal: str,
        detail: dict[str, Any],
    ) -> None:
        self._events.emit(
            Event(
                kind=kind,
                tenant=tenant,
                subject=subject,
                outcome=outcome,
                principal=principal,
                detail=detail,
            )
        )


def _erased(tenant: str) -> ErasedTenantError:
    return ErasedTenantError(
        f"tenant '{tenant}' was erased: what its dropped keys sealed cannot be opened by anyone; "
        "to write for it again, create it explicitly"
    )
