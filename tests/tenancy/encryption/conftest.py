"""Keys in a file of their own, a cipher over them, and a small key service."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import LocalKeyEncryption, PayloadCipher, TenantKeys

OpenKeys = Callable[..., TenantKeys]


class SmallKms:
    """A key service: another algorithm, keys by name, and a context that it checks."""

    def __init__(self, name: str = "kms/1") -> None:
        self.key_id = name
        self._fernet = Fernet(Fernet.generate_key())
        self._contexts: dict[bytes, dict[str, str]] = {}
        self.calls = 0

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt and remember the context, as a service's audit trail would."""
        wrapped = self._fernet.encrypt(data_key)
        self._contexts[wrapped] = dict(context)
        return wrapped

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt under the same context only."""
        self.calls += 1
        if self._contexts[wrapped] != dict(context):
            raise PermissionError("the context is another one")
        return self._fernet.decrypt(wrapped)


class DownKms(SmallKms):
    """A key service that does not answer."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Fail as a network does, with something in the text that nobody should see."""
        raise ConnectionError("https://kms.example token=hunter2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the keys are kept."""
    return tmp_path / "state" / "tenant_keys.db"


@pytest.fixture
def kek() -> LocalKeyEncryption:
    """Return a key-encryption key."""
    return LocalKeyEncryption(secrets.token_bytes(32))


@pytest.fixture
def events() -> MemoryEventSink:
    """Return a sink that keeps events."""
    return MemoryEventSink()


@pytest.fixture
def open_keys(path: Path, kek: LocalKeyEncryption, events: MemoryEventSink) -> Iterator[OpenKeys]:
    """Return what opens the keys, as often as processes would."""
    opened: list[TenantKeys] = []

    def begin(wrapping: object = None, **options: object) -> TenantKeys:
        keys = TenantKeys(path, wrapping or kek, events, **options)  # type: ignore[arg-type]
        opened.append(keys)
        return keys

    yield begin
    for keys in opened:
        keys.close()


@pytest.fixture
def keys(open_keys: OpenKeys) -> TenantKeys:
    """Return keys that are looked up again on every call."""
    return open_keys(recheck_s=0)


@pytest.fixture
def cipher(keys: TenantKeys) -> PayloadCipher:
    """Return a cipher for the field ``text``."""
    return PayloadCipher(keys)
