"""Envelope encryption: payload values sealed with a data key of their tenant.

A data key is wrapped by a key-encryption key (file, environment, or a key service), and dropping a
tenant's data keys erases what they sealed.
"""

from .key_encryption import (
    EnvironmentKeyEncryption,
    FileKeyEncryption,
    KeyEncryption,
    LocalKeyEncryption,
)
from .key_records import ErasedKey, WrappedKey
from .opening import cipher_over, is_encrypted, open_cipher, open_keys
from .payload_cipher import PayloadCipher, Resealed
from .tenant_keys import TenantKeys

__all__ = [
    "EnvironmentKeyEncryption",
    "ErasedKey",
    "FileKeyEncryption",
    "KeyEncryption",
    "LocalKeyEncryption",
    "PayloadCipher",
    "Resealed",
    "TenantKeys",
    "WrappedKey",
    "cipher_over",
    "is_encrypted",
    "open_cipher",
    "open_keys",
]
