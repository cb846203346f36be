"""The proof that a transaction is a tenant's: HMAC-SHA256 (RFC 2104) of backend, start, tenant.

PostgreSQL has SHA-256 and no HMAC built in, so it is given the two padded keys instead of the key.
"""

from __future__ import annotations

import hashlib
import hmac

from ..core.errors import UsageError

_BLOCK = 64  # bytes of a block of SHA-256
_MIN_KEY = 32


def checked_key(key: bytes) -> bytes:
    """Return the key, or raise `UsageError` for one that can be guessed."""
    if len(key) < _MIN_KEY:
        raise UsageError(f"key refused: use at least {_MIN_KEY} random bytes, and keep them secret")
    return key


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the key's inner and outer pad, 64 bytes each."""
    block = checked_key(key) if len(key) <= _BLOCK else hashlib.sha256(key).digest()
    padded = block.ljust(_BLOCK, b"\x00")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def tenant_proof(key: bytes, backend: int, started: str, tenant: str) -> str:
    """Return the proof, in hex, that holds in one transaction only.

    ``backend`` is the server process, ``started`` the transaction's start as PostgreSQL writes it:
    no proof seen in another session's statement or a log can be used again.
    """
    return hmac.new(key, f"{backend}/{started}/{tenant}".encode(), hashlib.sha256).hexdigest()
