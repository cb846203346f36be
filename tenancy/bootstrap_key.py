"""The administrator's key that a service is started with; only its digest is kept, in memory."""

from __future__ import annotations

import hashlib
import hmac

from ..core.errors import SettingsError
from .credential import Credential
from .sealed import VERIFIED


class BootstrapKey:
    """Knows one administrator's key, compared in constant time."""

    def __init__(self, plain: str) -> None:
        if not plain.strip():
            raise SettingsError(
                "the bootstrap admin key (RAGBASTION_API_KEY) is empty: set a long random one, or "
                "unset it and one is generated"
            )
        self._digest = _digest(plain)

    def credential(self, bearer: str) -> Credential | None:
        """Return the administrator's credential if the bearer text (untrusted) is the key."""
        if not hmac.compare_digest(_digest(bearer), self._digest):
            return None
        return Credential(
            _proof=VERIFIED,
            key_id="bootstrap",
            tenant=None,
            principal="admin",
            roles=frozenset({"admin"}),
        )


def _digest(plain: str) -> bytes:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()
