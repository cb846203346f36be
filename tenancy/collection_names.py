"""Names that belong to one tenant and do not tell which: keyed digests.

>>> names = TenantNames(b"a key of 32 bytes or more, secret")
>>> names.collection("acme", "docs") == names.collection("acme", "docs")
True
>>> "acme" in names.collection("acme", "docs")
False

Names of collections and shards stand in metrics, logs, snapshots and error texts of a server, and
anyone with access to the server may list them.

- INVARIANT: two tenants, or two bases, never share a name: 256 bits of HMAC-SHA-256 are kept whole,
  and no collection shared by tenants may have a name of that form (`named_for_a_tenant`).
"""

from __future__ import annotations

import hashlib
import hmac
import re

from ..core.errors import UsageError
from .names import MAX_COLLECTION_CHARS, checked_collection, checked_tenant

_MIN_KEY_BYTES = 32
_DIGEST_CHARS = 64
MAX_BASE_CHARS = MAX_COLLECTION_CHARS - _DIGEST_CHARS - 1
_OF_A_TENANT = re.compile(r".+\.[0-9a-f]{64}", re.ASCII)


class TenantNames:
    """Makes names of tenants' collections and shards from a secret key of at least 32 bytes.

    Whoever has the key can test guesses of tenants against names. Losing it loses the way from
    tenant to collection; changing it makes new names.
    """

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) < _MIN_KEY_BYTES:
            raise UsageError(
                f"key of tenants' names refused: use at least {_MIN_KEY_BYTES} random bytes, such "
                "as secrets.token_bytes(32), and keep them"
            )
        self._key = key

    def collection(self, tenant: str, base: str) -> str:
        """Return the name of the tenant's own collection; ``base`` says what it holds.

        Raises `UsageError` for a base of more than 63 characters or not fit for a collection.
        """
        if len(checked_collection(base)) > MAX_BASE_CHARS or named_for_a_tenant(base):
            raise UsageError(
                f"collection refused: the base of a tenant's name has at most {MAX_BASE_CHARS} "
                "characters and is no such name itself"
            )
        return f"{base}.{self._digest('collection', base, tenant)}"

    def shard(self, tenant: str, collection: str) -> str:
        """Return the shard key of the tenant in a shared collection."""
        return self._digest("shard", checked_collection(collection), tenant)

    def _digest(self, kind: str, base: str, tenant: str) -> str:
        # INVARIANT: none of the three holds a control character, so the separator is not forged.
        message = f"ragbastion\x00{kind}\x00{base}\x00{checked_tenant(tenant)}"
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()


def named_for_a_tenant(name: str) -> bool:
    """Say whether a collection's name has the form that `TenantNames` gives."""
    return _OF_A_TENANT.fullmatch(name) is not None
