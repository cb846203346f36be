"""Key-encryption keys: what wraps the data keys of the tenants, and never touches a payload.

>>> import secrets
>>> wrapping = LocalKeyEncryption(secrets.token_bytes(32))
>>> context = {"tenant": "acme", "version": "1"}
>>> wrapping.unwrap(wrapping.wrap(b"data key", context), context)
b'data key'

A key management service is another `KeyEncryption`: ``wrap`` and ``unwrap`` are its encrypt and
decrypt calls, ``context`` its encryption context.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...core.errors import TenantKeyError, UsageError
from ...core.files import open_regular
from ...core.sqlite import as_store_error

KEY_BYTES = 32
_NONCE_BYTES = 12
_HEX = re.compile(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", re.ASCII)
# 32 random bytes have fewer than 16 different values with a probability below 2^-50.
_MIN_DIFFERENT_BYTES = 16
_ALLOWED_MODES = frozenset({0o600, 0o400})
_MAX_FILE_BYTES = 1024
_HOW = "make one with 'openssl rand -hex 32'"


class KeyEncryption(Protocol):
    """Wraps data keys; threads call it at once. Whatever it raises fails the call closed."""

    @property
    def key_id(self) -> str:
        """Name the key, so that what it wrapped can be found; no secret, at most 256 characters."""
        ...

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """Return the data key encrypted and bound to the context."""
        ...

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the data key, or raise if the bytes or the context are not those of `wrap`."""
        ...


class LocalKeyEncryption:
    """Wraps with AES-256-GCM under 32 random bytes that this process holds."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES or len(set(key)) < _MIN_DIFFERENT_BYTES:
            raise TenantKeyError(f"key-encryption key refused: it is not 32 random bytes; {_HOW}")
        self._cipher = AESGCM(key)
        digest = hmac.digest(key, b"ragbastion key-encryption key id", "sha256")
        self._key_id = f"local:{digest[:8].hex()}"

    @property
    def key_id(self) -> str:
        """Return a name that follows from the key and does not tell it."""
        return self._key_id

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, _bound(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the data key, or raise `TenantKeyError`."""
        nonce, ciphertext = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _bound(context))
        except (InvalidTag, ValueError):
            raise TenantKeyError(
                f"data key of tenant '{context.get('tenant', '')}' refused: it was altered or moved"
                f" since key '{self._key_id}' wrapped it; restore the key database"
            ) from None


class FileKeyEncryption(LocalKeyEncryption):
    """The key stands in a file, 64 hexadecimal digits, that only its owner can read.

    Refused: a mode other than 0600 or 0400, and a file of another user than this one or root.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(_from_hex(_owner_only_text(Path(path)), f"file '{path}'"))

    @classmethod
    def create(cls, path: Path) -> FileKeyEncryption:
        """Write a new random key with mode 0600; raise `UsageError` if the file exists."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError as error:
            raise UsageError(f"key file '{path}' exists: it is never overwritten") from error
        except OSError as error:
            raise as_store_error(error, Path(path)) from error
        return cls(path)


class EnvironmentKeyEncryption(LocalKeyEncryption):
    """The key stands in an environment variable, 64 hexadecimal digits."""

    def __init__(self, variable: str) -> None:
        text = os.environ.get(variable)
        if not text:
            raise TenantKeyError(f"key-encryption key missing: set the variable '{variable}'")
        super().__init__(_from_hex(text, f"variable '{variable}'"))


def _owner_only_text(path: Path) -> str:
    """Return the file's text; what is checked is the open file, not the name."""
    try:
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            if status.st_size > _MAX_FILE_BYTES:
                raise TenantKeyError(f"key file '{path}' refused: it is no file with a key")
            if status.st_uid not in {os.geteuid(), 0}:
                raise TenantKeyError(f"key file '{path}' refused: another user owns it")
            mode = stat.S_IMODE(status.st_mode)
            if mode not in _ALLOWED_MODES:
                raise TenantKeyError(
                    f"key file '{path}' refused: its mode is {mode:04o}, not 0600; replace the key "
                    "if others could read it, then run chmod 600"
                )
            return file.read(_MAX_FILE_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise TenantKeyError(
            f"key file '{path}' cannot be read ({error.strerror}): restore it; without it nothing "
            "that was sealed opens"
        ) from error


def _from_hex(text: str, where: str) -> bytes:
    if not _HEX.fullmatch(text.strip()):
        raise TenantKeyError(
            f"key-encryption key of {where} refused: it must be 64 hexadecimal digits; {_HOW}"
        )
    return bytes.fromhex(text.strip())


def _bound(context: Mapping[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True, ensure_ascii=True).encode()
