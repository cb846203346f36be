"""How many values a key has sealed: counted in the file, in advance, a lease at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ...core.errors import UsageError
from .key_database import KeyDatabase

MAX_SEALS = 2**30
"""A quarter of what NIST SP 800-38D, 8.3, allows a key with random 96-bit nonces (2^32)."""
NIST_MAX_SEALS = 2**32
# One commit for so many seals; a process that ends wastes at most that many of the limit.
_MAX_LEASE = 4096
_LEASE_FRACTION = 64


@dataclass(slots=True)
class _Lease:
    version: int
    left: int


class SealLimits:
    """Grants seals of one process; all processes of a file together keep ``max_seals`` a key."""

    def __init__(self, database: KeyDatabase, max_seals: int) -> None:
        if not 1 <= max_seals <= NIST_MAX_SEALS:
            raise UsageError(f"max_seals {max_seals} refused: it must be between 1 and 2^32")
        self._database = database
        self._max_seals = max_seals
        self._lease = max(1, min(_MAX_LEASE, max_seals // _LEASE_FRACTION))
        self._lock = threading.Lock()
        self._leases: dict[str, _Lease] = {}

    def spend(self, tenant: str, version: int, wanted: int) -> int:
        """Return how many of the wanted seals the key may make now; 0 if its limit is reached."""
        with self._lock:
            lease = self._leases.get(tenant)
            if lease is None or lease.version != version or not lease.left:
                amount = max(wanted, self._lease)
                left = self._database.reserve(tenant, version, amount, self._max_seals)
                lease = self._leases[tenant] = _Lease(version, left)
            granted = min(wanted, lease.left)
            lease.left -= granted
        return granted
