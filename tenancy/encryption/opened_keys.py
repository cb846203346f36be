"""Unwrapped data keys in memory, and how long one may be used without a look at the file."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAX_TENANTS = 4096
"""Bounds memory, not tenants: a key that was let go is unwrapped again."""


@dataclass(slots=True)
class _Tenant:
    keys: dict[int, AESGCM] = field(default_factory=dict)
    checked_at: float = float("-inf")


class OpenedKeys:
    """Threads may share it; times are of `time.monotonic`.

    - INVARIANT: a key is kept only if nothing was learnt of its tenant since its row was read.
    """

    def __init__(self, recheck_s: float) -> None:
        self._recheck_s = recheck_s
        self._lock = threading.Lock()
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()

    def fresh(self, tenant: str, version: int) -> AESGCM | None:
        """Return the key if its tenant was looked up less than ``recheck_s`` ago."""
        known = self._tenants.get(tenant)
        if known is None or time.monotonic() - known.checked_at >= self._recheck_s:
            return None
        return known.keys.get(version)

    def learn(self, tenant: str, live: Collection[int], checked_at: float) -> None:
        """Forget the keys that are not among the live versions; the rest is fresh again."""
        with self._lock:
            known = self._tenants.setdefault(tenant, _Tenant())
            self._tenants.move_to_end(tenant)
            while len(self._tenants) > _MAX_TENANTS:
                self._tenants.popitem(last=False)
            for version in known.keys.keys() - set(live):
                del known.keys[version]
            known.checked_at = checked_at

    def held(self, tenant: str, version: int) -> AESGCM | None:
        """Return the key, for a caller that has just seen that its version is live."""
        known = self._tenants.get(tenant)
        return None if known is None else known.keys.get(version)

    def keep(self, tenant: str, version: int, key: AESGCM, checked_at: float) -> None:
        """Keep a key that was read after the look at ``checked_at``."""
        with self._lock:
            known = self._tenants.get(tenant)
            if known is not None and known.checked_at == checked_at:
                known.keys[version] = key

    def forget(self, tenant: str) -> None:
        """Let go of everything of the tenant."""
        with self._lock:
            self._tenants.pop(tenant, None)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._tenants.clear()
