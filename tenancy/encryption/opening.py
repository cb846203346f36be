"""From the settings ``encryption`` to keys and a cipher."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import SettingsError
from ...core.events import EventSink
from ...core.settings import Settings
from .key_encryption import EnvironmentKeyEncryption, FileKeyEncryption, KeyEncryption
from .payload_cipher import PayloadCipher
from .tenant_keys import TenantKeys

KEYS_FILE = "tenant_keys.db"
"""Inside the state folder."""


def is_encrypted(settings: Settings) -> bool:
    """Say whether payloads are to be sealed, or were: then a missing key is an error."""
    return settings.encryption.key is not None or (settings.state_dir / KEYS_FILE).exists()


def open_cipher(settings: Settings, events: EventSink) -> PayloadCipher:
    """Return the cipher that the settings ask for; closing it closes its keys.

    Raises `SettingsError` if they name no key, `TenantKeyError` if a key cannot be used.
    """
    keys = open_keys(settings, events)
    try:
        return cipher_over(keys, settings)
    except BaseException:
        keys.close()
        raise


def cipher_over(keys: TenantKeys, settings: Settings) -> PayloadCipher:
    """Return the cipher of the settings over keys that are open already."""
    chosen = settings.encryption
    return PayloadCipher(keys, fields=chosen.fields, unsafe_accept_plain=chosen.unsafe_accept_plain)


def open_keys(settings: Settings, events: EventSink) -> TenantKeys:
    """Return the keys of the tenants; raise `SettingsError` if the settings name no key."""
    chosen = settings.encryption
    if chosen.key is None:
        known = is_encrypted(settings)
        where = f"though '{settings.state_dir / KEYS_FILE}' exists" if known else "here"
        raise SettingsError(
            f"payloads are not encrypted {where}: set 'encryption.key' to file:PATH or env:NAME"
            + (", or move that file away if nothing sealed is left" if known else "")
        )
    return TenantKeys(
        settings.state_dir / KEYS_FILE,
        key_encryption_at(chosen.key),
        events,
        previous=[key_encryption_at(where) for where in chosen.previous_keys],
        max_seals=chosen.max_seals,
        recheck_s=chosen.recheck_s,
    )


def key_encryption_at(location: str) -> KeyEncryption:
    """Return the key at ``file:PATH`` or ``env:NAME``, or raise `SettingsError`."""
    kind, _, where = location.partition(":")
    if kind == "file" and where:
        return FileKeyEncryption(Path(where).expanduser())
    if kind == "env" and where:
        return EnvironmentKeyEncryption(where)
    raise SettingsError("encryption key refused: write file:PATH or env:NAME, never the key itself")
