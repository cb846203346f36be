"""Data keys in and out of their wrapping; what a key service raises is translated here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...core.errors import RagbastionError, TenantKeyError, UsageError
from .key_encryption import KEY_BYTES, KeyEncryption
from .key_records import WrappedKey

_MAX_ID_CHARS = 256
T = TypeVar("T")


class KeyWrapping:
    """Wraps under ``current``; unwraps with it and with ``previous``, found by key id."""

    def __init__(self, current: KeyEncryption, previous: Sequence[KeyEncryption] = ()) -> None:
        self._current = current
        self._by_id: Mapping[str, KeyEncryption] = {k.key_id: k for k in (*previous, current)}
        if len(self._by_id) != 1 + len(previous):
            raise UsageError("key-encryption keys refused: two of them are the same key")
        if not all(key_id and len(key_id) <= _MAX_ID_CHARS for key_id in self._by_id):
            raise UsageError("key-encryption key refused: its id must have 1 to 256 characters")

    @property
    def key_id(self) -> str:
        """Return the id of the key that wraps."""
        return self._current.key_id

    def wrapped(self, key: WrappedKey, data_key: bytes) -> WrappedKey:
        """Return the record with the data key wrapped under the current key."""
        wrap = self._current.wrap
        form = _asked(key, lambda: wrap(data_key, key.context))
        return replace(key, kek_id=self.key_id, wrapped=form)

    def unwrapped(self, key: WrappedKey) -> AESGCM:
        """Return the cipher of the data key, or raise `TenantKeyError`."""
        return AESGCM(self._data_key(key))

    def rewrapped(self, key: WrappedKey) -> bytes:
        """Return the wrapped form under the current key."""
        return self.wrapped(key, self._data_key(key)).wrapped

    def _data_key(self, key: WrappedKey) -> bytes:
        known = self._by_id.get(key.kek_id)
        if known is None:
            raise TenantKeyError(
                f"data key of tenant '{key.tenant}' is wrapped under '{key.kek_id}', which is not "
                "configured: set it as the key-encryption key, or among the previous ones to rewrap"
            )
        data_key = _asked(key, lambda: known.unwrap(key.wrapped, key.context))
        if len(data_key) != KEY_BYTES:
            raise TenantKeyError(f"data key of tenant '{key.tenant}' refused: it is not 32 bytes")
        return data_key


def _asked(key: WrappedKey, call: Callable[[], T]) -> T:
    """Return the service's answer; its errors may hold anything, so only their type is told."""
    try:
        return call()
    except RagbastionError:
        raise
    # A key service is another's code: whatever it raises is a refusal.
    except Exception as error:  # noqa: BLE001
        raise TenantKeyError(
            f"data key of tenant '{key.tenant}': the key service failed "
            f"({type(error).__name__}); see that '{key.kek_id}' can be reached and used"
        ) from None
